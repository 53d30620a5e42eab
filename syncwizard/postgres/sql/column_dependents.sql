-- What needs the given columns, as the server describes it; whether the table itself cannot be without them: they are
-- in its partition key.
WITH given AS MATERIALIZED (
    SELECT c.oid, a.attnum, n.nspname || '.' || c.relname || '.' || a.attname AS name
      FROM unnest(%(schemas)s::text[], %(names)s::text[], %(columns)s::text[]) AS g (schema, name, col)
      JOIN pg_catalog.pg_namespace n ON n.nspname = g.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = g.name
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = g.col AND NOT a.attisdropped
)
SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), g.name,
       bool_or(d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = g.oid AND d.objsubid = 0)
  FROM given g
  JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = g.oid AND d.refobjsubid = g.attnum
 WHERE d.classid NOT IN ('pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_publication_rel'::regclass)
   -- The views are known by themselves.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                    WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid AND r.rulename = '_RETURN')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class s
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S')
 GROUP BY 1, 2
UNION ALL
SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, g.oid, 0), g.name, true
  FROM given g
  JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = g.oid AND g.attnum = ANY (p.partattrs)
 ORDER BY 1, 2
