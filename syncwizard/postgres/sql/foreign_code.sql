-- Functions that accounts without superuser have put where the writer of rows runs them: in checks (of domains too),
-- generated columns, expressions and predicates of indexes, partition keys and statistics of the given tables, and in
-- the queries of the given materialized views. Found by walking pg_depend from these; the walk ends at objects of
-- extensions. Each with its owner and with what reaches it.
-- Built-in functions are pinned and not in pg_depend: those that not everybody may run, or that run SQL given as text,
-- are looked for in the stored expressions, under the owner of these.
WITH RECURSIVE relation AS MATERIALIZED (
    SELECT c.oid, c.relkind, c.relispopulated
      FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS given (schema, name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = given.name AND c.relkind IN ('r', 'p', 'm')
), root (classid, objid) AS MATERIALIZED (
    SELECT 'pg_catalog.pg_class'::regclass::oid, oid FROM relation WHERE relkind <> 'm'
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, k.oid
      FROM relation r JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('c', 'x')
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid
      FROM relation r
      JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid
      JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, i.indexrelid
      FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid
      FROM relation r JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = r.oid
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, w.oid
      FROM relation r
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid
     WHERE r.relkind = 'm' AND r.relispopulated
), reached (classid, objid, via_class, via) AS (
    SELECT classid, objid, classid, objid FROM root
    UNION
    SELECT next.classid, next.objid,
           -- A check of a domain names itself.
           CASE WHEN next.classid = 'pg_catalog.pg_constraint'::regclass THEN next.classid ELSE o.via_class END,
           CASE WHEN next.classid = 'pg_catalog.pg_constraint'::regclass THEN next.objid ELSE o.via END
      FROM reached o
     CROSS JOIN LATERAL (
           -- what it uses
           SELECT d.refclassid, d.refobjid
             FROM pg_catalog.pg_depend d
            WHERE d.classid = o.classid AND d.objid = o.objid
              AND (d.deptype = 'n' OR d.deptype = 'i' AND d.classid = 'pg_catalog.pg_type'::regclass)
              AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass,
                                   'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_opclass'::regclass,
                                   'pg_catalog.pg_opfamily'::regclass, 'pg_catalog.pg_class'::regclass)
              -- A relation is only read, but for the query of a view.
              AND (d.refclassid <> 'pg_catalog.pg_class'::regclass OR d.classid = 'pg_catalog.pg_rewrite'::regclass
                   OR d.classid = 'pg_catalog.pg_type'::regclass)
           UNION ALL
           -- the checks of a domain, and the columns of a composite type
           SELECT 'pg_catalog.pg_constraint'::regclass::oid, k.oid
             FROM pg_catalog.pg_constraint k
            WHERE o.classid = 'pg_catalog.pg_type'::regclass AND k.contypid = o.objid
           UNION ALL
           SELECT 'pg_catalog.pg_class'::regclass::oid, t.typrelid
             FROM pg_catalog.pg_type t
             JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
            WHERE o.classid = 'pg_catalog.pg_type'::regclass AND t.oid = o.objid
           UNION ALL
           -- the query of a view, and the functions of operator classes
           SELECT d.classid, d.objid
             FROM pg_catalog.pg_depend d
            WHERE d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype IN ('i', 'a')
              AND (d.classid = 'pg_catalog.pg_rewrite'::regclass AND o.via_class = 'pg_catalog.pg_rewrite'::regclass
                   AND EXISTS (SELECT FROM pg_catalog.pg_class v WHERE v.oid = o.objid AND v.relkind = 'v')
                   OR d.classid IN ('pg_catalog.pg_amproc'::regclass, 'pg_catalog.pg_amop'::regclass))
           ) AS next (classid, objid)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid = next.classid AND e.objid = next.objid AND e.deptype = 'e')
), expression (classid, objid, owner, tree) AS (
    SELECT 'pg_catalog.pg_constraint'::regclass::oid, k.oid, coalesce(c.relowner, t.typowner), k.conbin::text
      FROM pg_catalog.pg_constraint k
      LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
      LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
     WHERE k.conbin IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid, c.relowner, d.adbin::text
      FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, i.indexrelid, c.relowner, concat(i.indexprs::text, i.indpred::text)
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
     WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, p.partrelid, c.relowner, p.partexprs::text
      FROM pg_catalog.pg_partitioned_table p JOIN pg_catalog.pg_class c ON c.oid = p.partrelid
     WHERE p.partexprs IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid, c.relowner, s.stxexprs::text
      FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
     WHERE s.stxexprs IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, w.oid, c.relowner, w.ev_action::text
      FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
), found (function, owner, via_class, via) AS (
    SELECT p.oid, p.proowner, r.via_class, r.via
      FROM reached r
      JOIN pg_catalog.pg_proc p ON r.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = r.objid AND p.oid >= 16384
    UNION
    SELECT p.oid, e.owner, r.via_class, r.via
      FROM reached r
      JOIN expression e ON e.classid = r.classid AND e.objid = r.objid
     CROSS JOIN LATERAL regexp_matches(e.tree, ':(?:funcid|opfuncid) (\d+)', 'g') AS m (id)
      JOIN pg_catalog.pg_proc p ON p.oid = m.id[1]::oid AND p.oid < 16384
     WHERE NOT pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
        OR p.prosrc IN ('query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema', 'table_to_xml',
                        'table_to_xml_and_xmlschema', 'schema_to_xml', 'schema_to_xml_and_xmlschema',
                        'database_to_xml', 'database_to_xml_and_xmlschema', 'cursor_to_xml', 'ts_stat1', 'ts_stat2',
                        'tsquery_rewrite_query')
)
SELECT n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' AS function,
       o.rolname AS owner,
       min(CASE WHEN f.via_class = 'pg_catalog.pg_rewrite'::regclass
                THEN (SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, w.ev_class, 0)
                        FROM pg_catalog.pg_rewrite w WHERE w.oid = f.via)
                WHEN f.via_class = 'pg_catalog.pg_attrdef'::regclass
                THEN (SELECT 'generated ' || pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, d.adrelid, d.adnum)
                        FROM pg_catalog.pg_attrdef d WHERE d.oid = f.via)
                WHEN f.via_class = 'pg_catalog.pg_constraint'::regclass
                THEN (SELECT format('constraint %%s on %%s', k.conname,
                                    CASE WHEN k.contypid <> 0 THEN 'domain ' || pg_catalog.format_type(k.contypid, NULL)
                                         ELSE pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, k.conrelid, 0) END)
                        FROM pg_catalog.pg_constraint k WHERE k.oid = f.via)
                ELSE pg_catalog.pg_describe_object(f.via_class, f.via, 0) END) AS via
  FROM found f
  JOIN pg_catalog.pg_proc p ON p.oid = f.function
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_roles o ON o.oid = f.owner AND NOT o.rolsuper
 GROUP BY 1, 2
UNION ALL
-- These will belong to the account that makes them, and any account that may call them has its rights.
SELECT n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
       o.rolname,
       'any account that may call it, as SECURITY DEFINER'
  FROM unnest(%(function_schemas)s::text[], %(function_names)s::text[]) AS given (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
  JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = given.name AND p.prosecdef
  JOIN pg_catalog.pg_roles o ON o.oid = p.proowner AND NOT o.rolsuper AND o.rolname <> ALL (%(owners)s::text[])
 ORDER BY 1, 3
