-- The bodies of functions that are text, and the arguments of triggers, with what they are of.
SELECT 'function ' || p.oid::regprocedure, p.prosrc
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS g (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = g.schema
  JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = g.name
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE l.lanname NOT IN ('c', 'internal') AND p.prosrc <> ''
UNION
SELECT 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass,
       replace(encode(t.tgargs, 'escape'), '\000', ' ')
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
 WHERE NOT t.tgisinternal AND t.tgnargs > 0 AND t.tgrelid = ANY (%(tables)s::bigint[]::oid[])
   AND p.proname NOT IN ('tsvector_update_trigger', 'tsvector_update_trigger_column')
 ORDER BY 1
