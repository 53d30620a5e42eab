-- How many sessions a server may have for accounts that are no superusers, and has.
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'client backend')::int,
       (SELECT count(*)
          FROM pg_catalog.pg_stat_activity a
         WHERE a.backend_type = 'client backend'
           AND a.state = 'active'
           AND a.pid <> pg_catalog.pg_backend_pid())::int,
       (SELECT nullif(r.rolconnlimit, -1) FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
