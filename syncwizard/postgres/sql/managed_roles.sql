-- The roles of managed services that the account is a member of, and whether it is a superuser after all.
SELECT array(SELECT r.rolname::text
               FROM pg_catalog.pg_roles r
              WHERE r.rolname = ANY (%(names)s)
                AND pg_catalog.pg_has_role(r.oid, 'USAGE')
              ORDER BY r.rolname),
       (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
