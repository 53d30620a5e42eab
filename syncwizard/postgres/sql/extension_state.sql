-- An extension that can be installed or is: default version, installed version, schema of the installed one,
-- and whether this role may install it.
SELECT a.default_version,
       e.extversion,
       n.nspname,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
       OR coalesce((SELECT NOT v.superuser OR v.trusted
                      FROM pg_catalog.pg_available_extension_versions v
                     WHERE v.name = a.name AND v.version = a.default_version), false)
  FROM pg_catalog.pg_available_extensions a
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = a.name
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE a.name = %(name)s
