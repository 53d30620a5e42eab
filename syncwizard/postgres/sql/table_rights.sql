-- Whether the role may read each table, and whether a row-level policy would apply to it.
SELECT n.nspname,
       c.relname,
       pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.row_security_active(c.oid)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%s::bigint[]::oid[])
 ORDER BY n.nspname, c.relname
