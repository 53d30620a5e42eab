-- Those of the relations that exist, under their present names.
SELECT c.oid::bigint, n.nspname, c.relname
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%s::bigint[]::oid[])
