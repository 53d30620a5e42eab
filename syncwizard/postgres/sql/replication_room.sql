SELECT pg_catalog.current_setting('max_replication_slots')::integer,
       (SELECT count(*) FROM pg_catalog.pg_replication_slots)::integer,
       pg_catalog.current_setting('max_wal_senders')::integer,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'walsender')::integer
