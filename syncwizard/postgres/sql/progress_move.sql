-- To a slot made anew: what was applied before is copied again.
UPDATE syncwizard.progress
   SET slot = %(slot)s,
       system_identifier = %(system_identifier)s,
       timeline = %(timeline)s,
       source_database = %(source_database)s,
       applied_lsn = %(lsn)s,
       acknowledged_lsn = %(lsn)s,
       heartbeat = NULL,
       heartbeat_at = NULL,
       last_commit_lsn = NULL,
       last_commit_at = NULL
 WHERE task_id = %(task_id)s
