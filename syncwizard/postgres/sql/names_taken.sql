-- Those of the names that a relation of the database has, whatever its kind.
SELECT n.nspname, c.relname
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS g (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = g.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = g.name
 ORDER BY 1, 2
