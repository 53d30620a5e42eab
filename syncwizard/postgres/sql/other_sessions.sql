-- Sessions of others in this database that run statements: since when, by the server's clock, and whether a transaction
-- is open. Times and states of other roles are hidden from an account without pg_read_all_stats.
SELECT a.pid,
       coalesce(a.usename, '')::text,
       a.application_name,
       pg_catalog.date_part('epoch', a.backend_start),
       a.state IS DISTINCT FROM 'idle' AS busy,
       pg_catalog.date_part('epoch', a.xact_start)
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database()
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND coalesce(a.backend_type, 'client backend')
       NOT IN ('walsender', 'autovacuum launcher', 'autovacuum worker', 'parallel worker', 'walwriter', 'checkpointer')
   AND NOT (a.usename = session_user AND pg_catalog.strpos(a.application_name, %(ours)s) = 1)
 ORDER BY a.pid
