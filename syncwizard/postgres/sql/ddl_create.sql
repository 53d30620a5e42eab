-- What captures changes of definitions: event triggers that write a row for each table that a command touches, with its
-- definition after the command, in the transaction of the command. They never fail the statement that they follow.
CREATE SCHEMA dts_ddl;
COMMENT ON SCHEMA dts_ddl IS 'syncwizard: capture of definitions for synchronization tasks';
CREATE TABLE dts_ddl.tasks (slot_name text PRIMARY KEY);
CREATE SEQUENCE dts_ddl.ordinal;
-- How many commands concerned no task.
CREATE SEQUENCE dts_ddl.passed_over MINVALUE 0;

-- The tables that join the publication of a task when they are created: those of a schema without `names` where it is
-- `whole`, else `names` alone. A task has rows here once its slot is there.
CREATE TABLE dts_ddl.selected (
    slot_name   text NOT NULL,
    schema_name text NOT NULL,
    whole       boolean NOT NULL,
    names       text[] NOT NULL
);
-- The tables that did. `member`: a row of pg_publication_rel.
CREATE TABLE dts_ddl.joined (
    slot_name text NOT NULL,
    relation  bigint NOT NULL,
    member    bigint NOT NULL,
    PRIMARY KEY (slot_name, relation)
);
-- Tables that got REPLICA IDENTITY FULL when they joined, and what they had before.
CREATE TABLE dts_ddl.identities (
    slot_name text NOT NULL,
    relation  bigint NOT NULL,
    previous  text NOT NULL,
    PRIMARY KEY (slot_name, relation)
);

-- `kind`: 'table', 'entered' (a table that joins with rows that are in no stream), 'detached' (a partition that is one no
-- more), 'object' (what is no table), 'dropped' (a table), 'dropped object', 'index' (that was dropped, `relation` is its
-- OID), 'privileges' (of what is no table), or 'failed', with why it could not be captured; the definition of what was dropped is its schema and name, as
-- JSON. `statement`: null where a function
-- ran it whose text is not known. `joined`: the publications that the table has joined by this command, each with its row
-- there, as JSON.
CREATE TABLE public.dts_ddl_command (
    ordinal     bigint PRIMARY KEY DEFAULT nextval('dts_ddl.ordinal'),
    version     integer NOT NULL DEFAULT 1,
    kind        text NOT NULL,
    tag         text NOT NULL,
    role        text NOT NULL DEFAULT session_user,
    statement   text,
    relation    bigint NOT NULL,
    definition  text,
    executed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    joined      text
);
COMMENT ON TABLE public.dts_ddl_command IS 'syncwizard: capture of definitions for synchronization tasks';
