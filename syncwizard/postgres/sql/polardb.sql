-- What a PolarDB says of itself; NULL for what the server does not know.
SELECT coalesce(pg_catalog.current_setting('polar_version', true),
                pg_catalog.current_setting('polardb_version', true),
                pg_catalog.substring(pg_catalog.version(), 'PolarDB[^,)]*')),
       pg_catalog.current_setting('polar_failover_slot_mode', true),
       pg_catalog.current_setting('polar_enable_persisted_logical_slot', true),
       pg_catalog.current_setting('polar_create_table_with_full_replica_identity', true),
       (SELECT pg_catalog.pg_has_role(r.oid, 'MEMBER') FROM pg_catalog.pg_roles r WHERE r.rolname = 'pg_polar_superuser')
