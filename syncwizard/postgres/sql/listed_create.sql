-- What tasks capture that read test_decoding, which publishes everything: the list of their tables. A row without a
-- relation stands for the task; `note` is what its tables had before it changed their replica identities.
-- `from_lsn`: transactions that were committed before are not captured. `keys`: the columns that say which row it was.
-- `named`, `around`: see listed_shapes.sql.
CREATE TABLE public.dts_postgres_captured (
    number    bigserial PRIMARY KEY,
    slot_name text NOT NULL,
    relation  bigint,
    keys      text[],
    named     text,
    around    text,
    from_lsn  pg_lsn NOT NULL DEFAULT pg_catalog.pg_current_wal_insert_lsn(),
    note      text
);
COMMENT ON TABLE public.dts_postgres_captured IS 'syncwizard: tables of synchronization tasks';
