SELECT number, schema_name, table_name, target, operation, lsn::text, row_keys::text, edited_values IS NOT NULL, reason,
       sqlstate, decided_by, coalesce(follows, 0)
  FROM syncwizard.quarantine
 WHERE task_id = %s AND number > %s
 ORDER BY number
