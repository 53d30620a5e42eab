-- What the server says of a slot, and the WAL that it holds back. Columns that came with 16 to 18 are NULL before.
SELECT s.slot_name,
       s.plugin,
       s.database,
       s.active_pid,
       s.confirmed_flush_lsn::text,
       s.restart_lsn::text,
       s.wal_status,
       s.safe_wal_size,
       coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn), 0)::bigint,
       j.row ->> 'invalidation_reason',
       (j.row ->> 'conflicting')::bool,
       (j.row ->> 'failover')::bool,
       (j.row ->> 'synced')::bool,
       extract(epoch FROM pg_catalog.clock_timestamp() - (j.row ->> 'inactive_since')::timestamptz)::bigint,
       (SELECT extract(epoch FROM (t.setting || t.unit)::interval)::bigint
          FROM pg_catalog.pg_settings t
         WHERE t.name = 'idle_replication_slot_timeout'),
       extract(epoch FROM (j.row ->> 'inactive_since')::timestamptz)::float8,
       a.application_name,
       a.usename,
       a.client_addr::text
  FROM pg_catalog.pg_replication_slots s
 CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(s) AS row) AS j
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
 WHERE s.slot_name = %s
