-- The tables that some tables inherit from, partitions left out.
SELECT i.inhrelid::bigint, n.nspname, p.relname
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition AND c.relkind = 'r'
  JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
 WHERE i.inhrelid = ANY (%s::bigint[]::oid[])
