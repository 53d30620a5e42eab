-- Whether the account may fence this database: alter it, end sessions; with the role that owns it, and the value that
-- its default has of its own.
SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE') OR r.rolsuper,
       pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') OR r.rolsuper,
       o.rolname::text,
       (SELECT pg_catalog.split_part(each, '=', 2)
          FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) AS each
         WHERE s.setdatabase = d.oid
           AND s.setrole = 0
           AND pg_catalog.strpos(each, 'default_transaction_read_only=') = 1)
  FROM pg_catalog.pg_database d
  JOIN pg_catalog.pg_roles r ON r.rolname = current_user
  JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
 WHERE d.datname = pg_catalog.current_database()
