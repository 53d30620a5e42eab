-- Whether others see what a transaction has done, by its id of 32 bits: the nearest one to the next that will be given.
SELECT pg_catalog.pg_visible_in_snapshot((now.next + ((%s::bigint - now.next) << 32 >> 32))::text::xid8, now.snapshot)
  FROM (SELECT pg_catalog.pg_snapshot_xmax(snapshot)::text::bigint AS next, snapshot
          FROM pg_catalog.pg_current_snapshot() AS snapshot) AS now
