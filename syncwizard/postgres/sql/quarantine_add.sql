INSERT INTO syncwizard.quarantine
    (task_id, schema_name, table_name, target, operation, row_keys, old_values, new_values, edited_values, lsn, reason,
     sqlstate, follows, decided_by)
VALUES (%(task_id)s, %(schema)s, %(table)s, %(target)s, %(operation)s, %(keys)s::jsonb, %(old)s::jsonb, %(new)s::jsonb,
        %(edited)s::jsonb, %(lsn)s::pg_lsn, %(reason)s, %(sqlstate)s, %(follows)s, %(by)s)
RETURNING number
