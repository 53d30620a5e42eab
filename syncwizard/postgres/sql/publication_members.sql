SELECT r.oid::bigint, n.nspname, c.relname
  FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE r.prpubid = %s
 ORDER BY n.nspname, c.relname
