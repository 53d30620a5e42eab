-- The heartbeat that was written at the source once the snapshot was there under which the table is copied.
ALTER TABLE syncwizard.tables ADD COLUMN pair_beat bigint, ADD COLUMN pair_beat_at bigint;
