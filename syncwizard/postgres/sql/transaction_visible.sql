-- Whether others see what a transaction has done, by its id of 32 bits: the nearest one to the next that will be given.
-- By the functions that every version has.
SELECT pg_catalog.txid_visible_in_snapshot(now.next + ((%s::bigint - now.next) << 32 >> 32), now.snapshot)
  FROM (SELECT pg_catalog.txid_snapshot_xmax(snapshot) AS next, snapshot
          FROM pg_catalog.txid_current_snapshot() AS snapshot) AS now
