-- What the role may do with each table of the source, and what it could do as a member of the owning role:
-- owner, whether that is a superuser, whether the role has the owner's rights; for the role and for the owner USAGE of
-- the schema and SELECT on the table; whether a row-level policy hides rows from the role, and from the owner.
SELECT n.nspname,
       c.relname,
       o.rolname,
       o.rolsuper,
       pg_catalog.pg_has_role(o.oid, 'USAGE'),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.has_schema_privilege(o.oid, n.oid, 'USAGE'),
       pg_catalog.has_table_privilege(o.oid, c.oid, 'SELECT'),
       pg_catalog.row_security_active(c.oid),
       c.relrowsecurity AND c.relforcerowsecurity AND NOT o.rolsuper
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
 WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%(schemas)s::text[], %(names)s::text[]))
   AND c.relkind IN ('r', 'p')
 ORDER BY n.nspname, c.relname
