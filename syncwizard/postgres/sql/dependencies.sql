-- What the given tables (OIDs) and the other selected objects need, found by walking pg_depend in two directions: from
-- an object to what it uses, and from it to what belongs to it (defaults, constraints, indexes, statistics, owned
-- sequences, the query and the triggers of a view), whose expressions use things in turn. Partitions do not lead to
-- their parents nor foreign keys to the tables they reference: whether those are selected is the task's business. The
-- walk ends at an object of an extension, with the extension.
-- `core` is what tables, sequences and types need: it is created whatever it takes. The rest (views, functions, rules,
-- triggers of whole schemas, and what is selected by name) is left out where it needs a table that is not selected, and
-- may be refused (`tried`) where it needs a function written in C.
WITH RECURSIVE whole AS MATERIALIZED (
    SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%(whole)s)
), excluded (schema, name) AS MATERIALIZED (
    SELECT * FROM unnest(%(excluded_schemas)s::text[], %(excluded_names)s::text[])
), named (kind, schema, name) AS MATERIALIZED (
    SELECT * FROM unnest(%(named_kinds)s::text[], %(named_schemas)s::text[], %(named_names)s::text[])
), seed (classid, objid, core) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, oid::oid, true
      FROM unnest(%(tables)s::bigint[]) AS t (oid)
    UNION
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid, true
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S'
       AND (('sequence', n.nspname, c.relname) IN (SELECT * FROM named)
            OR n.oid IN (SELECT oid FROM whole)
            AND (n.nspname, c.relname) NOT IN (SELECT * FROM excluded)
            -- A sequence of a table comes or stays with its table.
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                               AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')))
    UNION
    SELECT 'pg_catalog.pg_type'::regclass::oid, t.oid, true
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
     WHERE (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
       AND (('type', n.nspname, t.typname) IN (SELECT * FROM named)
            OR n.oid IN (SELECT oid FROM whole) AND (n.nspname, t.typname) NOT IN (SELECT * FROM excluded))
    UNION
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid, false
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('v', 'm')
       AND ((CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, n.nspname, c.relname)
            IN (SELECT * FROM named)
            OR n.oid IN (SELECT oid FROM whole) AND (n.nspname, c.relname) NOT IN (SELECT * FROM excluded))
    UNION
    SELECT 'pg_catalog.pg_proc'::regclass::oid, p.oid, false
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE ('function', n.nspname, p.proname) IN (SELECT * FROM named)
        OR n.oid IN (SELECT oid FROM whole) AND (n.nspname, p.proname) NOT IN (SELECT * FROM excluded)
    UNION
    SELECT 'pg_catalog.pg_rewrite'::regclass::oid, r.oid, false
      FROM pg_catalog.pg_rewrite r
      JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
     WHERE c.relkind IN ('r', 'p') AND c.oid = ANY (%(tables)s::bigint[]::oid[])
       AND c.relnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_trigger'::regclass::oid, t.oid, false
      FROM pg_catalog.pg_trigger t
      JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
     WHERE NOT t.tgisinternal AND c.oid = ANY (%(tables)s::bigint[]::oid[])
       AND c.relnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_operator'::regclass::oid, oid, false
      FROM pg_catalog.pg_operator WHERE oprnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_opclass'::regclass::oid, oid, false
      FROM pg_catalog.pg_opclass WHERE opcnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_opfamily'::regclass::oid, oid, false
      FROM pg_catalog.pg_opfamily WHERE opfnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_collation'::regclass::oid, oid, false
      FROM pg_catalog.pg_collation WHERE collnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_ts_config'::regclass::oid, oid, false
      FROM pg_catalog.pg_ts_config WHERE cfgnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_ts_dict'::regclass::oid, oid, false
      FROM pg_catalog.pg_ts_dict WHERE dictnamespace IN (SELECT oid FROM whole)
    UNION
    SELECT 'pg_catalog.pg_extension'::regclass::oid, oid, false
      FROM pg_catalog.pg_extension WHERE extnamespace IN (SELECT oid FROM whole)
), needed (classid, objid, core) AS (
    SELECT classid, objid, core FROM seed
    UNION
    SELECT next.classid, next.objid, o.core
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
                                    'pg_catalog.pg_statistic_ext'::regclass)
                   OR d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_trigger'::regclass)
                   AND EXISTS (SELECT FROM pg_catalog.pg_class v WHERE v.oid = o.objid AND v.relkind IN ('v', 'm')))
           ) AS next (classid, objid)
     -- Objects of an extension lead to the extension and to nothing else.
     WHERE next.classid = 'pg_catalog.pg_extension'::regclass
        OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
), reached AS MATERIALIZED (
    SELECT n.classid, n.objid, bool_or(n.core) AS core,
           EXISTS (SELECT FROM pg_catalog.pg_depend e
                    WHERE e.classid = n.classid AND e.objid = n.objid AND e.deptype = 'e') AS of_extension
      FROM needed n
     GROUP BY n.classid, n.objid
), extra AS MATERIALIZED (
    SELECT classid, objid FROM reached WHERE NOT core AND NOT of_extension AND objid >= 16384
), missing (classid, objid, why, tried) AS MATERIALIZED (
    SELECT e.classid, e.objid, format('it needs %%s.%%s, which is not synchronized', n.nspname, c.relname), false
      FROM extra e
      JOIN pg_catalog.pg_class c ON e.classid = 'pg_catalog.pg_class'::regclass AND c.oid = e.objid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'f') OR (n.nspname, c.relname) IN (SELECT * FROM excluded)
    UNION ALL
    SELECT e.classid, e.objid,
           format('it needs column %%s of %%s.%%s, which is left out', a.attname, n.nspname, c.relname), false
      FROM extra e
      JOIN pg_catalog.pg_depend d ON d.classid = e.classid AND d.objid = e.objid
      JOIN pg_catalog.pg_attribute a
        ON d.refclassid = 'pg_catalog.pg_class'::regclass AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE (n.nspname, c.relname, a.attname)
           IN (SELECT * FROM unnest(%(column_schemas)s::text[], %(column_tables)s::text[], %(column_names)s::text[]))
    UNION ALL
    SELECT e.classid, e.objid, format('it needs %%s.%%s, which is written in C', n.nspname, p.proname), true
      FROM extra e
      JOIN pg_catalog.pg_proc p ON e.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = e.objid
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      JOIN pg_catalog.pg_language l ON l.oid = p.prolang
     WHERE l.lanname = 'c'
), impossible (classid, objid, why, tried) AS (
    SELECT classid, objid, why, tried FROM missing
    UNION
    SELECT e.classid, e.objid, i.why, i.tried
      FROM impossible i
     CROSS JOIN LATERAL (
           -- what uses it
           SELECT d.classid, d.objid
             FROM pg_catalog.pg_depend d
            WHERE d.refclassid = i.classid AND d.refobjid = i.objid AND d.deptype IN ('n', 'a', 'i')
           UNION ALL
           -- the view of a query
           SELECT d.refclassid, d.refobjid
             FROM pg_catalog.pg_depend d
            WHERE d.classid = i.classid AND d.objid = i.objid AND d.deptype = 'i'
              AND d.classid = 'pg_catalog.pg_rewrite'::regclass
           ) AS next (classid, objid)
      JOIN extra e ON e.classid = next.classid AND e.objid = next.objid
), own AS MATERIALIZED (
    SELECT r.classid, r.objid, r.core, coalesce(min(i.why) FILTER (WHERE NOT i.tried), min(i.why)) AS why,
           bool_and(i.tried) AS tried
      FROM reached r
      LEFT JOIN impossible i ON i.classid = r.classid AND i.objid = r.objid
     WHERE r.objid >= 16384 AND NOT r.of_extension
     GROUP BY r.classid, r.objid, r.core
)
SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END
           AS kind,
       n.nspname,
       c.relname,
       ARRAY[c.relispopulated::text],
       o.why,
       o.tried
  FROM own o
  JOIN pg_catalog.pg_class c ON c.oid = o.objid AND c.relkind IN ('r', 'p', 'S', 'v', 'm')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE o.classid = 'pg_catalog.pg_class'::regclass
   -- What is missing is not reported itself.
   AND (o.core OR c.relkind = 'S' OR c.relkind IN ('v', 'm') AND (n.nspname, c.relname) NOT IN (SELECT * FROM excluded))
UNION ALL
SELECT 'type', n.nspname, t.typname, ARRAY[]::text[], o.why, o.tried
  FROM own o
  JOIN pg_catalog.pg_type t ON t.oid = o.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
 WHERE o.classid = 'pg_catalog.pg_type'::regclass
   -- Arrays, multiranges and row types come with what they are made of.
   AND (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')
        OR (t.typtype = 'b'
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)))
UNION ALL
SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       n.nspname,
       p.proname,
       array(SELECT CASE WHEN e.oid IS NULL THEN tn.nspname || '.' || t.typname
                         ELSE en.nspname || '.' || e.typname || '[]' END
               FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, position)
               JOIN pg_catalog.pg_type t ON t.oid = a.type
               JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
               LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
               LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
              ORDER BY a.position),
       CASE WHEN o.why IS NOT NULL AND l.lanname = 'c' THEN 'written in C: the destination may not have its library'
            ELSE o.why END,
       o.tried
  FROM own o
  JOIN pg_catalog.pg_proc p ON p.oid = o.objid
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE o.classid = 'pg_catalog.pg_proc'::regclass
   -- The constructors of a range come with it.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'i'
                      AND d.refclassid = 'pg_catalog.pg_type'::regclass)
UNION ALL
SELECT 'extension', n.nspname, e.extname, ARRAY[e.extversion, e.oid::text, r.core::text], NULL, NULL
  FROM reached r
  JOIN pg_catalog.pg_extension e ON e.oid = r.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE r.classid = 'pg_catalog.pg_extension'::regclass
   AND e.oid >= 16384
UNION ALL
-- Rules and triggers, with their table: the plan takes all of a table's, but for these.
SELECT 'rule', n.nspname, r.rulename, ARRAY[c.relname], o.why, o.tried
  FROM own o
  JOIN pg_catalog.pg_rewrite r ON o.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = o.objid
  JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE o.why IS NOT NULL AND r.rulename <> '_RETURN'
UNION ALL
SELECT 'trigger', n.nspname, t.tgname, ARRAY[c.relname], o.why, o.tried
  FROM own o
  JOIN pg_catalog.pg_trigger t ON o.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = o.objid
  JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE o.why IS NOT NULL AND NOT t.tgisinternal
UNION ALL
SELECT i.type, i.schema, x.name, ARRAY[]::text[], o.why, o.tried
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
