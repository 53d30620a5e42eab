-- The sessions of a task at this end, with what each waits for and the sessions in its way, one row for each of those.
SELECT a.pid,
       a.application_name,
       coalesce(a.state, ''),
       coalesce(a.wait_event_type, ''),
       coalesce(a.wait_event, ''),
       coalesce(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change), 0)::float8,
       left(coalesce(a.query, ''), 80),
       b.pid,
       coalesce(b.usename, b.backend_type, ''),
       coalesce(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - b.xact_start), 0)::float8,
       left(coalesce(b.query, ''), 80)
  FROM pg_catalog.pg_stat_activity a
  LEFT JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(a.pid)) AS blocking (pid) ON true
  LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = blocking.pid
 WHERE a.application_name LIKE %s
   AND a.pid <> pg_catalog.pg_backend_pid()
 ORDER BY a.pid, b.pid
