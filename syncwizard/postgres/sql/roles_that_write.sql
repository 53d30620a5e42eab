-- Of some roles, those that may write to some tables, whatever gives them the right; the first table each. A role that
-- does not exist is named without one.
SELECT wanted.role, min(pg_catalog.format('%%I.%%I', n.nspname, c.relname))
  FROM unnest(%(roles)s::text[]) AS wanted (role)
  LEFT JOIN pg_catalog.pg_roles r ON r.rolname = wanted.role
  LEFT JOIN unnest(%(schemas)s::text[], %(names)s::text[]) AS given (schema, name) ON r.oid IS NOT NULL
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = given.name
 WHERE r.oid IS NULL
    OR pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    OR pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE')
 GROUP BY wanted.role
