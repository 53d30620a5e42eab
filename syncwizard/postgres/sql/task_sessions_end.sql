-- Ends sessions of this database by their name and age (a server that has both ends has two of us); concurrent builds of indexes, with their workers, only if that is asked for.
SELECT pg_catalog.pg_terminate_backend(a.pid, 5000)
  FROM pg_catalog.pg_stat_activity a
 WHERE pg_catalog.starts_with(a.application_name, %(name)s)
   AND a.datname = pg_catalog.current_database()
   AND a.backend_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s)
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND (%(builds)s
        OR NOT EXISTS (SELECT
                         FROM pg_catalog.pg_stat_progress_create_index b
                        WHERE b.pid IN (a.pid, a.leader_pid)
                          AND b.command = 'CREATE INDEX CONCURRENTLY'))
