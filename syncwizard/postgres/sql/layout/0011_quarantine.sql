-- Changes of rows that the destination refused and that were left out, or applied with other values, by a decision.
CREATE TABLE syncwizard.quarantine (
    number        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id       uuid NOT NULL,
    schema_name   text NOT NULL,
    table_name    text NOT NULL,
    target        text NOT NULL,
    operation     text NOT NULL,
    row_keys      jsonb NOT NULL,
    old_values    jsonb NOT NULL,
    new_values    jsonb NOT NULL,
    edited_values jsonb,
    lsn           pg_lsn NOT NULL,
    reason        text NOT NULL,
    sqlstate      text NOT NULL,
    follows       bigint,
    decided_by    text NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,
    settled       text
);
CREATE INDEX quarantine_task ON syncwizard.quarantine (task_id, schema_name, table_name);
