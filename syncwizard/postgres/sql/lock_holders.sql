-- Other sessions with a granted lock on one of the tables (parallel arrays of schema and name), the longest
-- transaction first.
SELECT DISTINCT ON (a.xact_start, a.pid)
       a.pid,
       coalesce(a.usename, a.backend_type),
       coalesce(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start), 0),
       left(coalesce(a.query, ''), 80)
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN unnest(%s::text[], %s::text[]) AS wanted (schema, name) ON wanted.schema = n.nspname AND wanted.name = c.relname
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted
   AND l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND a.pid <> pg_catalog.pg_backend_pid()
 ORDER BY a.xact_start NULLS LAST, a.pid
 LIMIT 3
