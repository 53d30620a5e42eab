-- Functions of the given names whose definition does not tell everything: written in C or internal, or run with the
-- rights of their owner (an empty language).
SELECT DISTINCT n.nspname || '.' || p.proname, CASE WHEN l.lanname IN ('c', 'internal') THEN l.lanname ELSE '' END
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = wanted.name
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE l.lanname IN ('c', 'internal') OR p.prosecdef
 ORDER BY 1
