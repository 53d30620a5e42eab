-- Foreign keys and checks of tables that rows of them may violate.
SELECT n.nspname, t.relname, c.conname, c.contype = 'f'
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE c.conrelid = ANY (%(oids)s::bigint[]::oid[])
   AND c.contype IN ('f', 'c')
   AND NOT c.convalidated
 ORDER BY 1, 2, 3
