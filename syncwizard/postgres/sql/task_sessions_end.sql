-- The sessions of this database by their name and age (a server that has both ends has two of us), to be ended; concurrent
-- builds of indexes only if that is asked for. Workers of a parallel statement end with its session.
SELECT a.pid
  FROM pg_catalog.pg_stat_activity a
 WHERE pg_catalog.strpos(a.application_name, %(name)s) = 1
   AND a.datname = pg_catalog.current_database()
   AND a.backend_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s)
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.backend_type NOT IN ('parallel worker', 'background worker')
   AND (%(builds)s
        OR NOT EXISTS (SELECT
                         FROM pg_catalog.pg_stat_progress_create_index b
                        WHERE b.pid IN (a.pid, a.leader_pid)
                          AND b.command = 'CREATE INDEX CONCURRENTLY'))
