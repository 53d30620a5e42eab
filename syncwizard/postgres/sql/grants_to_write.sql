-- The rights to write that some roles have on some tables by themselves: table, column (NULL for the whole table), role,
-- right, whether they may pass it on.
WITH tables AS MATERIALIZED (
    SELECT c.oid, c.relacl, c.relowner, n.nspname, c.relname
      FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema, name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
)
SELECT t.nspname::text, t.relname::text, NULL::text AS attname, r.rolname::text, x.privilege_type, x.is_grantable
  FROM tables t
 CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(t.relacl, pg_catalog.acldefault('r', t.relowner))) x
  JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
 WHERE x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND r.rolname = ANY (%(roles)s::text[])
UNION ALL
SELECT t.nspname::text, t.relname::text, a.attname::text, r.rolname::text, x.privilege_type, x.is_grantable
  FROM tables t
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
 CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) x
  JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
 WHERE x.privilege_type IN ('INSERT', 'UPDATE') AND r.rolname = ANY (%(roles)s::text[])
 ORDER BY 1, 2, 3 NULLS FIRST, 4, 5
