CREATE TABLE public.dts_postgres_heartbeat (
    slot_name text PRIMARY KEY,
    beats     bigint NOT NULL DEFAULT 0,
    beat_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
) WITH (fillfactor = 10);
-- Each beat comes with the one before it: what does not fit shows a source that was set back.
ALTER TABLE public.dts_postgres_heartbeat REPLICA IDENTITY FULL;
COMMENT ON TABLE public.dts_postgres_heartbeat IS 'syncwizard: heartbeat of synchronization tasks';
