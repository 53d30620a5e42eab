-- Whether others see what several transactions have done; see transaction_visible.sql.
SELECT bool_and(pg_catalog.txid_visible_in_snapshot(now.next + ((of.id - now.next) << 32 >> 32), now.snapshot))
  FROM (SELECT pg_catalog.txid_snapshot_xmax(snapshot) AS next, snapshot
          FROM pg_catalog.txid_current_snapshot() AS snapshot) AS now,
       unnest(%s::bigint[]) AS of (id)
