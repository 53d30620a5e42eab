-- Who holds the advisory lock of a task, and whether the same session holds that of an engine.
SELECT task.pid,
       activity.backend_start::timestamptz(0)::text,
       EXISTS (SELECT
                 FROM pg_catalog.pg_locks own
                WHERE own.locktype = 'advisory'
                  AND own.objsubid = 1
                  AND own.pid = task.pid
                  AND own.granted
                  AND (own.classid::bigint << 32) | own.objid::bigint = %(owner)s)
  FROM pg_catalog.pg_locks task
  JOIN pg_catalog.pg_stat_activity activity ON activity.pid = task.pid
 WHERE task.locktype = 'advisory'
   AND task.objsubid = 1
   AND task.granted
   AND task.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND (task.classid::bigint << 32) | task.objid::bigint = %(task)s
