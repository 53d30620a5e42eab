-- The commit of the last transaction that was applied, which the source has to send again at each connection.
ALTER TABLE syncwizard.progress ADD COLUMN last_commit_lsn pg_lsn, ADD COLUMN last_commit_at bigint;
