-- From 14 on. A minute of statistics says nothing of a day.
SELECT w.wal_bytes::bigint,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.stats_reset)
  FROM pg_catalog.pg_stat_wal w
