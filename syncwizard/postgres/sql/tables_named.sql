-- Which of these names belong to tables now.
SELECT n.nspname, c.relname
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema_name, table_name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name AND c.relkind IN ('r', 'p')
