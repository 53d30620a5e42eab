-- Slots that bear a name of ours, belong to this database, and that no session reads.
SELECT s.slot_name,
       coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn), 0)::bigint
  FROM pg_catalog.pg_replication_slots s
 WHERE s.slot_name LIKE 'dts\_sync\_%%'
   AND s.database = pg_catalog.current_database()
   AND NOT s.active
   AND NOT s.slot_name = ANY (%(known)s)
 ORDER BY s.slot_name
