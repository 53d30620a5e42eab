-- Those of the given indexes that are valid and stand alone, with the rows of their tables by the last statistics: one
-- that is part of a partitioned index cannot be dropped by itself.
SELECT n.nspname, ic.relname, greatest(c.reltuples, 0)::bigint
  FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) AS wanted (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_class ic ON ic.relnamespace = n.oid AND ic.relname = wanted.name
  JOIN pg_catalog.pg_index i ON i.indexrelid = ic.oid AND i.indisvalid AND i.indisready
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
 WHERE ic.relkind = 'i' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = ic.oid)
