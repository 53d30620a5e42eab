-- Sessions of others that wait for a lock that a session of the task holds, with the first of those.
SELECT DISTINCT ON (w.pid)
       w.pid,
       coalesce(w.usename, w.backend_type, ''),
       coalesce(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.state_change), 0)::float8,
       left(coalesce(w.query, ''), 80),
       o.application_name
  FROM pg_catalog.pg_stat_activity w
 CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(w.pid)) AS blocking (pid)
  JOIN pg_catalog.pg_stat_activity o ON o.pid = blocking.pid
 WHERE w.wait_event_type = 'Lock'
   AND o.application_name LIKE %(ours)s
   AND w.application_name NOT LIKE %(ours)s
 ORDER BY w.pid, o.pid
