-- The named sequences that exist, with what is needed to set them.
SELECT c.oid::bigint,
       n.nspname,
       c.relname,
       s.seqincrement,
       s.seqmin,
       s.seqmax,
       s.seqcycle,
       pg_catalog.has_sequence_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.has_sequence_privilege(c.oid, 'UPDATE')
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
 ORDER BY n.nspname, c.relname
