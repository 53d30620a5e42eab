-- Triggers of the tables that fire without session_replication_role = replica, foreign keys by their own name.
SELECT DISTINCT coalesce(k.conname, t.tgname), t.tgrelid::regclass::text
  FROM pg_catalog.pg_trigger t
  LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
 WHERE t.tgrelid = ANY (%s::bigint[]::oid[])
   AND t.tgenabled IN ('O', 'A')
 ORDER BY 2, 1
