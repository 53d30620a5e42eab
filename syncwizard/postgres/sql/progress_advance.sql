-- Compare and set: the division by zero rolls the batch back when another session moved the row, with no
-- extra round trip to look at the count.
WITH moved AS (
    UPDATE syncwizard.progress
       SET applied_lsn = $1::pg_lsn
     WHERE task_id = $2::uuid
       AND epoch = $3::bigint
       AND applied_lsn = $4::pg_lsn
 RETURNING 1
)
SELECT 1 / count(*) FROM moved
