-- The given columns, in partitions of their tables too, and the generated columns that need one of them.
WITH RECURSIVE given AS (
    SELECT c.oid, g.col
      FROM unnest(%(schemas)s::text[], %(names)s::text[], %(columns)s::text[]) AS g (schema, name, col)
      JOIN pg_catalog.pg_namespace n ON n.nspname = g.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = g.name AND c.relkind IN ('r', 'p')
    UNION
    SELECT i.inhrelid, g.col
      FROM given g
      JOIN pg_catalog.pg_inherits i ON i.inhparent = g.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
), out AS (
    SELECT a.attrelid, a.attnum
      FROM given g
      JOIN pg_catalog.pg_attribute a ON a.attrelid = g.oid AND a.attname = g.col AND NOT a.attisdropped
    UNION
    SELECT r.adrelid, r.adnum
      FROM out o
      JOIN pg_catalog.pg_depend d
        ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = o.attrelid AND d.refobjsubid = o.attnum
       AND d.classid IN ('pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_class'::regclass)
      JOIN pg_catalog.pg_attrdef r
        ON (d.classid = 'pg_catalog.pg_attrdef'::regclass AND r.oid = d.objid)
        OR (d.classid = 'pg_catalog.pg_class'::regclass AND r.adrelid = d.objid AND r.adnum = d.objsubid)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = r.adrelid AND a.attnum = r.adnum AND a.attgenerated <> ''
)
SELECT n.nspname, c.relname, a.attname
  FROM out o
  JOIN pg_catalog.pg_attribute a ON a.attrelid = o.attrelid AND a.attnum = o.attnum
  JOIN pg_catalog.pg_class c ON c.oid = o.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
