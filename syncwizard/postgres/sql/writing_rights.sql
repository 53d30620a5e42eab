-- Whether the role may write each table in every way, and whether a row-level policy would apply to it.
SELECT n.nspname,
       c.relname,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
       AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
       AND pg_catalog.has_table_privilege(c.oid, 'DELETE')
       AND pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
       pg_catalog.row_security_active(c.oid)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%s::bigint[]::oid[])
 ORDER BY n.nspname, c.relname
