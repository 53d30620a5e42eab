-- The function lists every WAL sender to every role; pg_stat_activity hides what kind of process others' are. Not those of
-- prechecks, which try to log in for replication side by side with this and are gone in a moment.
SELECT pg_catalog.current_setting('max_replication_slots')::integer,
       (SELECT count(*) FROM pg_catalog.pg_replication_slots)::integer,
       pg_catalog.current_setting('max_wal_senders')::integer,
       (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders() s
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(s.pid) a
                            WHERE a.application_name ~ '^syncwizard ([^ ]+ )?precheck$'))::integer,
       -- A task that is paused takes its sender again when it goes on.
       (SELECT count(*)
          FROM pg_catalog.pg_replication_slots s
         WHERE s.slot_name LIKE 'dts\_sync\_%' AND NOT s.active AND NOT s.temporary)::integer
