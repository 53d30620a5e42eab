-- Compare and set: the division by zero rolls the batch back when another session moved the row, with no
-- extra round trip to look at the count.
-- The commit waits for the disk (rule 29), whatever the server's configuration, the role or a trigger made of that
-- before. Also where it would wait now: the configuration may be read again before the COMMIT that follows.
WITH moved AS (
    UPDATE syncwizard.progress
       SET applied_lsn = $1::pg_lsn,
           last_commit_lsn = $7::pg_lsn,
           last_commit_at = $8::bigint,
           heartbeat = coalesce($5::bigint, heartbeat),
           heartbeat_at = coalesce($6::bigint, heartbeat_at)
     WHERE task_id = $2::uuid
       AND epoch = $3::bigint
       AND applied_lsn = $4::pg_lsn
 RETURNING 1
)
SELECT 1 / count(*),
       pg_catalog.set_config('synchronous_commit',
                             CASE pg_catalog.current_setting('synchronous_commit')
                                 WHEN 'off' THEN 'on'
                                 ELSE pg_catalog.current_setting('synchronous_commit')
                             END, true)
  FROM moved
