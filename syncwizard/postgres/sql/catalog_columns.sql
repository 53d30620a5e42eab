-- Live columns; what there is to know of their types is asked for by OID.
SELECT a.attrelid::bigint,
       a.attname,
       a.attnum,
       a.atttypid::bigint,
       a.attnotnull,
       a.attidentity::text,
       a.attgenerated::text,
       pg_catalog.format_type(a.atttypid, a.atttypmod)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND n.nspname = ANY (%s)
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND NOT (n.nspname = 'public' AND c.relname IN ('dts_postgres_heartbeat', 'dts_ddl_command'))
 ORDER BY a.attrelid, a.attnum
