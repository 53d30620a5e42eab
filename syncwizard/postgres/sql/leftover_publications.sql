-- Publications that bear a name of ours and have no slot: their task is gone.
SELECT p.pubname
  FROM pg_catalog.pg_publication p
 WHERE p.pubname LIKE 'dts\_sync\_%%'
   AND NOT p.pubname = ANY (%(known)s)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = p.pubname)
 ORDER BY p.pubname
