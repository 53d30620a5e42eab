-- The transaction with the oldest id: a slot keeps WAL from where it began.
SELECT a.pid,
       coalesce(a.usename, a.backend_type, ''),
       coalesce(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start), 0)::float8,
       left(coalesce(a.query, ''), 80)
  FROM pg_catalog.pg_stat_activity a
 WHERE a.backend_xid IS NOT NULL
   AND a.pid <> pg_catalog.pg_backend_pid()
 ORDER BY pg_catalog.age(a.backend_xid) DESC, a.pid
 LIMIT 1
