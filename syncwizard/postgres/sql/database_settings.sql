-- ALTER DATABASE SET and ALTER ROLE IN DATABASE SET of the current database: role (empty for all), name, value.
SELECT coalesce(r.rolname, '') AS role, given.name, given.value
  FROM pg_catalog.pg_db_role_setting s
  JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL (
       SELECT split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
         FROM unnest(s.setconfig) AS u (setting)
       ) AS given (name, value)
 ORDER BY 1, 2
