-- The last heartbeat that was applied: what tells a source that was set back.
ALTER TABLE syncwizard.progress ADD COLUMN heartbeat bigint;
ALTER TABLE syncwizard.progress ADD COLUMN heartbeat_at bigint;
