-- What a destination keeps about the tasks that write to it. Every row belongs to one task, and release removes
-- it; the last task removes the schema. This is the newest layout, for a fresh schema: whatever changes here also
-- comes as a migration in layout/, by the rules of destination/layout.py.
CREATE SCHEMA IF NOT EXISTS syncwizard;
COMMENT ON SCHEMA syncwizard IS 'syncwizard: progress of synchronization tasks';

-- One row: the layout's version, written by destination/layout.py.
CREATE TABLE syncwizard.layout (
    version integer NOT NULL
);

-- One row a task, moved forward in the transaction of the rows it stands for.
CREATE TABLE syncwizard.progress (
    task_id             uuid PRIMARY KEY,
    task_name           text NOT NULL,
    slot                text NOT NULL,
    system_identifier   text NOT NULL,
    timeline            integer NOT NULL,
    source_database     text NOT NULL,
    applied_lsn         pg_lsn NOT NULL,
    acknowledged_lsn    pg_lsn NOT NULL,
    epoch               bigint NOT NULL DEFAULT 0,
    publication_oid     bigint NOT NULL,
    publication_xmin    bigint NOT NULL,
    publication_owner   bigint NOT NULL,
    resynchronization   uuid,
    -- The last heartbeat that was applied, with the source's clock in microseconds since the Unix epoch; null before the
    -- first one.
    heartbeat           bigint,
    heartbeat_at        bigint,
    -- The commit of the last transaction that was applied: where its record begins, and its time, as the heartbeat's. The
    -- source is asked for it again at each connection. Null before the first one, and before this layout.
    last_commit_lsn     pg_lsn,
    last_commit_at      bigint
) WITH (fillfactor = 10);

-- The relations whose changes the publication carries, by OID: what is compared with the source. `member` is the OID of
-- a row of pg_publication_rel, null for a partition that a published partitioned table stands for; `traits` what the
-- relation was like, as JSON.
CREATE TABLE syncwizard.members (
    task_id     uuid NOT NULL,
    relation    bigint NOT NULL,
    member      bigint,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    traits      text,
    PRIMARY KEY (task_id, relation)
);

-- The pair (LSN, snapshot) each table is copied under. A table begun again gets the next generation, which
-- shuts out a worker that still holds the former one. A kept one held rows before us: it is never truncated.
-- `pair_beat`, `pair_beat_at`: the heartbeat that was written at the source once that snapshot was there, as those of
-- progress; null for the pair of the task's slot, of which the stream shows all. It has to come in the stream.
CREATE TABLE syncwizard.tables (
    task_id      uuid NOT NULL,
    schema_name  text NOT NULL,
    table_name   text NOT NULL,
    generation   integer NOT NULL,
    pair_lsn     pg_lsn NOT NULL,
    chunks       integer NOT NULL,
    chunk_pages  bigint NOT NULL,
    kept         boolean NOT NULL,
    pair_beat    bigint,
    pair_beat_at bigint,
    PRIMARY KEY (task_id, schema_name, table_name)
);

-- A copied chunk, written in the transaction of its rows.
CREATE TABLE syncwizard.chunks (
    task_id     uuid NOT NULL,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    generation  integer NOT NULL,
    chunk       integer NOT NULL,
    rows        bigint NOT NULL,
    bytes       bigint NOT NULL,
    PRIMARY KEY (task_id, schema_name, table_name, generation, chunk)
);

-- A created definition of the task's plan, written in the transaction that created it.
CREATE TABLE syncwizard.statements (
    task_id  uuid NOT NULL,
    position integer NOT NULL,
    PRIMARY KEY (task_id, position)
);

-- Tables that are set aside, by their names at the source: their changes are not applied until they are copied again.
-- `event` says why, as the journal does, in JSON.
CREATE TABLE syncwizard.aside (
    task_id     uuid NOT NULL,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    event       text NOT NULL,
    PRIMARY KEY (task_id, schema_name, table_name)
);

-- Rows for which a script failed, where the task file asks to set them aside (etl_errors: dead-letter). `key` and `row`
-- are of the source, and hold what goes to the destination unchanged: what a script would have changed is not in them.
-- `lsn`: of the change's commit, null in the copy.
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

-- A table whose definition is followed, by its OID at the source, with the definition that the destination has of it by
-- now, as JSON; written in the transaction that brought the destination there.
CREATE TABLE syncwizard.followed (
    task_id    uuid NOT NULL,
    relation   bigint NOT NULL,
    definition text NOT NULL,
    PRIMARY KEY (task_id, relation)
);

-- What was followed of changes of definitions, each in the transaction that did it. `event`: as the journal has it, in
-- JSON.
CREATE TABLE syncwizard.definitions_followed (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL,
    event   text NOT NULL
);
CREATE INDEX definitions_followed_task ON syncwizard.definitions_followed (task_id, number);

-- Changes of rows that the destination refused and that were left out, or applied with other values (`edited_values`), by
-- a decision; written in the transaction that goes on without them. `schema_name`, `table_name`: at the source; `target`:
-- the destination's table. `row_keys`: the row's key after the change, and before it where that was another one, each by
-- the source's columns. `old_values`, `new_values`: all that was sent, as texts by the destination's columns; null is
-- NULL. `lsn`: of the commit at the source. `follows`: the number of the record whose row it is of, for a change that was
-- left out without another decision. `settled`: why both ends are known to have the same row again; null until then.
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
