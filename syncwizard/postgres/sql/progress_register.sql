INSERT INTO syncwizard.progress (task_id, task_name, slot, system_identifier, timeline, source_database,
                                 applied_lsn, acknowledged_lsn, publication_oid, publication_xmin,
                                 publication_owner)
VALUES (%(task_id)s, %(task_name)s, %(slot)s, %(system_identifier)s, %(timeline)s, %(source_database)s,
        %(lsn)s, %(lsn)s, %(publication_oid)s, %(publication_xmin)s,
        %(publication_owner)s)
ON CONFLICT (task_id) DO UPDATE
   SET slot = excluded.slot,
       system_identifier = excluded.system_identifier,
       timeline = excluded.timeline,
       source_database = excluded.source_database,
       applied_lsn = excluded.applied_lsn,
       acknowledged_lsn = excluded.acknowledged_lsn,
       publication_oid = excluded.publication_oid,
       publication_xmin = excluded.publication_xmin,
       publication_owner = excluded.publication_owner,
       heartbeat = NULL,
       heartbeat_at = NULL,
       last_commit_lsn = NULL,
       last_commit_at = NULL
 WHERE syncwizard.progress.epoch = 0
