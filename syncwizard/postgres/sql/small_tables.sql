-- Those of the named tables that hold no more than so many bytes, with what is out of line.
SELECT n.nspname, c.relname
  FROM unnest(%s::text[], %s::text[]) AS w (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
 WHERE c.relkind = 'r'
   AND pg_catalog.pg_table_size(c.oid) <= %s
