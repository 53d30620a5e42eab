-- What would write to this database behind a fence: kind and name.
SELECT 'prepared transaction', p.gid
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.database = pg_catalog.current_database()
UNION ALL
SELECT 'subscription', s.subname::text
  FROM pg_catalog.pg_subscription s
  JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
 WHERE d.datname = pg_catalog.current_database() AND s.subenabled
UNION ALL
-- Sessions of tasks that have this database as their destination set the default back.
SELECT DISTINCT 'task', pg_catalog.split_part(a.application_name, ' ', 2)
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database()
   AND a.application_name LIKE 'syncwizard %% apply'
   AND NOT pg_catalog.strpos(a.application_name, %(ours)s) = 1
UNION ALL
SELECT 'role with a default of its own', r.rolname::text
  FROM pg_catalog.pg_db_role_setting s
  JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
 WHERE %(defaults)s
   AND (s.setdatabase = 0
        OR s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
   AND EXISTS (SELECT FROM unnest(s.setconfig) AS each
                WHERE pg_catalog.strpos(each, 'default_transaction_read_only=') = 1
                  AND pg_catalog.lower(pg_catalog.split_part(each, '=', 2)) NOT IN ('on', 'true', 'yes', '1'))
