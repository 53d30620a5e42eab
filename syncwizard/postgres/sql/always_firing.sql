-- Triggers and rules of the tables that fire although session_replication_role is replica, and rules that PostgreSQL
-- does not take together with INSERT ... ON CONFLICT, whether they fire or not.
SELECT format('trigger %%s on %%s', t.tgname, t.tgrelid::regclass), false
  FROM pg_catalog.pg_trigger t
 WHERE t.tgrelid = ANY (%(tables)s::bigint[]::oid[])
   AND NOT t.tgisinternal
   AND t.tgenabled IN ('A', 'R')
UNION ALL
SELECT format('rule %%s on %%s', r.rulename, r.ev_class::regclass), r.ev_type = '2'
  FROM pg_catalog.pg_rewrite r
 WHERE r.ev_class = ANY (%(tables)s::bigint[]::oid[])
   AND (r.ev_enabled IN ('A', 'R') OR r.ev_type = '2')
 ORDER BY 1
