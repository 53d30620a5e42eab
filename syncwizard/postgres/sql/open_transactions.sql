-- Transactions with an id: a logical slot cannot be created before all of them have ended, in whatever database.
SELECT a.pid,
       a.usename,
       a.datname,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS seconds,
       a.query
  FROM pg_catalog.pg_stat_activity a
 WHERE a.backend_xid IS NOT NULL
   AND a.pid <> pg_catalog.pg_backend_pid()
   -- Other roles' times are hidden from a role without pg_read_all_stats: then any may be the one.
   AND coalesce(a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s),
                %(seconds)s = 0)
UNION ALL
SELECT 0,
       p.owner,
       p.database,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared),
       p.gid
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.prepared < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s)
 ORDER BY seconds DESC NULLS LAST
