-- Foreign keys of the tables and to them, those of partitions by their root alone.
SELECT k.conname, k.conrelid::regclass::text, k.confrelid::regclass::text
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'f'
   AND k.conparentid = 0
   AND (k.conrelid = ANY (%(tables)s::bigint[]::oid[]) OR k.confrelid = ANY (%(tables)s::bigint[]::oid[]))
 ORDER BY 2, 1
