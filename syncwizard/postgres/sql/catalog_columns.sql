-- Live columns; what there is to know of their types is asked for by OID.
SELECT a.attrelid::bigint,
       a.attname,
       a.attnum,
       a.atttypid::bigint,
       a.attnotnull,
       a.attidentity::text,
       a.attgenerated::text,
       pg_catalog.format_type(a.atttypid, a.atttypmod),
       a.attstorage <> 'p',
       -- From version 12 on; before it texts are equal by their bytes in all collations, as they are in the default one.
       CASE WHEN a.attcollation IN (0, 100) THEN true
            ELSE coalesce((pg_catalog.to_jsonb(l) ->> 'collisdeterministic')::boolean, true)
       END,
       t.typtype = 'e'
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
 WHERE c.relkind IN ('r', 'p')
   AND n.nspname = ANY (%(schemas)s)
   AND (%(names)s::text[] IS NULL OR c.relname = ANY (%(names)s::text[]))
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND NOT (n.nspname = 'public' AND c.relname IN ('dts_postgres_heartbeat', 'dts_ddl_command', 'dts_postgres_captured'))
 ORDER BY a.attrelid, a.attnum
