UPDATE syncwizard.progress AS p
   SET epoch = epoch + 1
 WHERE task_id = %s
RETURNING slot, system_identifier, timeline, source_database, applied_lsn::text, acknowledged_lsn::text, epoch,
          publication_oid, publication_xmin, publication_owner, task_name, resynchronization,
          heartbeat, heartbeat_at, last_commit_lsn::text, last_commit_at,
          ARRAY(SELECT DISTINCT ARRAY[t.pair_beat, t.pair_beat_at]
                  FROM syncwizard.tables t
                 WHERE t.task_id = p.task_id AND t.pair_beat > coalesce(p.heartbeat, -1)
                 ORDER BY 1)
