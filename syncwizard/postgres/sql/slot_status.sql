-- What the server says of a slot, and the WAL that it holds back.
SELECT s.slot_name,
       s.plugin,
       s.database,
       s.active_pid,
       s.confirmed_flush_lsn::text,
       s.restart_lsn::text,
       s.wal_status,
       s.safe_wal_size,
       coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn), 0)::bigint
  FROM pg_catalog.pg_replication_slots s
 WHERE s.slot_name = %s
