SELECT slot, system_identifier, timeline, source_database, applied_lsn::text, acknowledged_lsn::text, epoch,
       publication_oid, publication_xmin, publication_owner, task_name, resynchronization,
       heartbeat, heartbeat_at, last_commit_lsn::text, last_commit_at
  FROM syncwizard.progress
 WHERE task_id = %s
