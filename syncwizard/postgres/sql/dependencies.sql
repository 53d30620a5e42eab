-- What the given tables (OIDs) and sequences need, found by walking pg_depend in two directions: from an object to
-- what it uses, and from a table or domain to what belongs to it (defaults, constraints, indexes, statistics,
-- owned sequences), whose expressions use things in turn. Partitions do not lead to their parents nor foreign keys
-- to the tables they reference: whether those are selected is the task's business. Whole schemas bring their
-- sequences and types. The walk ends at an object of an extension, with the extension.
WITH RECURSIVE seed (classid, objid) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, oid::oid
      FROM unnest(%(tables)s::bigint[]) AS t (oid)
    UNION
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S'
       AND ((n.nspname, c.relname) IN (SELECT * FROM unnest(%(sequence_schemas)s::text[], %(sequence_names)s::text[]))
            OR n.nspname = ANY (%(whole)s)
            -- A sequence of a table comes or stays with its table.
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                               AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')))
    UNION
    SELECT 'pg_catalog.pg_type'::regclass::oid, t.oid
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
     WHERE n.nspname = ANY (%(whole)s)
       AND (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
), needed (classid, objid) AS (
    SELECT classid, objid FROM seed
    UNION
    SELECT next.classid, next.objid
      FROM needed o
     CROSS JOIN LATERAL (
           -- what it uses
           SELECT d.refclassid, d.refobjid
             FROM pg_catalog.pg_depend d
            WHERE d.classid = o.classid
              AND d.objid = o.objid
              AND (d.deptype IN ('n', 'e') OR (d.deptype = 'i' AND d.classid = 'pg_catalog.pg_type'::regclass))
              AND NOT (d.classid = 'pg_catalog.pg_constraint'::regclass
                       AND EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype = 'f'))
           UNION ALL
           -- the columns of a composite type
           SELECT 'pg_catalog.pg_class'::regclass::oid, t.typrelid
             FROM pg_catalog.pg_type t
            WHERE o.classid = 'pg_catalog.pg_type'::regclass AND t.oid = o.objid AND t.typrelid <> 0
           UNION ALL
           -- what belongs to it
           SELECT d.classid, d.objid
             FROM pg_catalog.pg_depend d
             LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
            WHERE d.refclassid = o.classid
              AND d.refobjid = o.objid
              AND d.deptype IN ('a', 'i', 'S')
              AND (d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_constraint'::regclass)
                   AND c.relkind IN ('i', 'I', 'S')
                   OR d.classid IN ('pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_constraint'::regclass,
                                    'pg_catalog.pg_statistic_ext'::regclass))
           ) AS next (classid, objid)
     -- Objects of an extension lead to the extension and to nothing else.
     WHERE next.classid = 'pg_catalog.pg_extension'::regclass
        OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
), own AS (
    SELECT o.*
      FROM needed o
     WHERE o.objid >= 16384
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
)
SELECT CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind = 'S' THEN 'sequence' ELSE 'view' END,
       n.nspname,
       c.relname,
       ARRAY[]::text[]
  FROM own o
  JOIN pg_catalog.pg_class c ON c.oid = o.objid AND c.relkind IN ('r', 'p', 'S', 'v', 'm')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE o.classid = 'pg_catalog.pg_class'::regclass
UNION ALL
SELECT 'type', n.nspname, t.typname, ARRAY[]::text[]
  FROM own o
  JOIN pg_catalog.pg_type t ON t.oid = o.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
 WHERE o.classid = 'pg_catalog.pg_type'::regclass
   -- Arrays, multiranges and row types come with what they are made of.
   AND (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')
        OR (t.typtype = 'b' AND t.typelem = 0))
UNION ALL
SELECT 'function',
       n.nspname,
       p.proname,
       array(SELECT CASE WHEN e.oid IS NULL THEN tn.nspname || '.' || t.typname
                         ELSE en.nspname || '.' || e.typname || '[]' END
               FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, position)
               JOIN pg_catalog.pg_type t ON t.oid = a.type
               JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
               LEFT JOIN pg_catalog.pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem
               LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
              ORDER BY a.position)
  FROM own o
  JOIN pg_catalog.pg_proc p ON p.oid = o.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE o.classid = 'pg_catalog.pg_proc'::regclass
UNION ALL
SELECT 'extension', n.nspname, e.extname, ARRAY[e.extversion, e.oid::text]
  FROM needed o
  JOIN pg_catalog.pg_extension e ON e.oid = o.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE o.classid = 'pg_catalog.pg_extension'::regclass
   AND e.oid >= 16384
UNION ALL
SELECT i.type, i.schema, x.name, ARRAY[]::text[]
  FROM own o
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i
  LEFT JOIN pg_catalog.pg_operator op ON o.classid = 'pg_catalog.pg_operator'::regclass AND op.oid = o.objid
  LEFT JOIN pg_catalog.pg_opclass oc ON o.classid = 'pg_catalog.pg_opclass'::regclass AND oc.oid = o.objid
  LEFT JOIN pg_catalog.pg_opfamily f ON o.classid = 'pg_catalog.pg_opfamily'::regclass AND f.oid = o.objid
 CROSS JOIN LATERAL (SELECT coalesce(op.oprname, oc.opcname, f.opfname, i.name)) AS x (name)
 WHERE o.classid IN ('pg_catalog.pg_collation'::regclass, 'pg_catalog.pg_operator'::regclass,
                     'pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_opfamily'::regclass,
                     'pg_catalog.pg_ts_config'::regclass, 'pg_catalog.pg_ts_dict'::regclass,
                     'pg_catalog.pg_ts_parser'::regclass, 'pg_catalog.pg_ts_template'::regclass)
 ORDER BY 1, 2, 3
