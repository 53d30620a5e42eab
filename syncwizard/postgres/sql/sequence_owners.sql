-- The table that each of the named sequences belongs to, where there is one: of a serial or identity column.
SELECT n.nspname, c.relname, tn.nspname, t.relname
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS given (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = given.name AND c.relkind = 'S'
  JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
   AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
  JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
