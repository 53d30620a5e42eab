-- Tables that are set aside, by their names at the source. `event` says why, as the journal does, in JSON.
CREATE TABLE syncwizard.aside (
    task_id     uuid NOT NULL,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    event       text NOT NULL,
    PRIMARY KEY (task_id, schema_name, table_name)
);
