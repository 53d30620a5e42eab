-- Rows for which a script failed, where the task file asks to set them aside.
CREATE TABLE syncwizard.dead_letters (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id     uuid NOT NULL,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    operation   text NOT NULL,
    key         jsonb,
    row         jsonb,
    reason      text NOT NULL,
    sqlstate    text NOT NULL,
    lsn         pg_lsn,
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_task ON syncwizard.dead_letters (task_id, schema_name, table_name);
