-- A statement of its own transaction; for what it sets beside the position see progress_advance.
WITH moved AS (
    UPDATE syncwizard.progress
       SET acknowledged_lsn = %s::pg_lsn
     WHERE task_id = %s
       AND epoch = %s
 RETURNING 1
)
SELECT count(*),
       pg_catalog.set_config('synchronous_commit',
                             CASE pg_catalog.current_setting('synchronous_commit')
                                 WHEN 'off' THEN 'on'
                                 ELSE pg_catalog.current_setting('synchronous_commit')
                             END, true)
  FROM moved
