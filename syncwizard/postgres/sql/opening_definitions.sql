-- Triggers and rules of some tables by when they fire (O origin, A always, R replica, D disabled), and foreign keys by
-- whether they are validated (V, N). Partitioned tables come first: what is changed there goes on to their partitions.
WITH tables AS MATERIALIZED (
    SELECT c.oid, c.relkind, n.nspname, c.relname
      FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS wanted (schema, name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
), found AS (
    SELECT t.relkind, t.nspname, t.relname, 'trigger' AS kind, g.tgname AS name, g.tgenabled::text AS state
      FROM tables t
      JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    UNION ALL
    SELECT t.relkind, t.nspname, t.relname, 'rule', r.rulename, r.ev_enabled::text
      FROM tables t
      JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid AND r.rulename <> '_RETURN'
    UNION ALL
    SELECT t.relkind, t.nspname, t.relname, 'foreign key', k.conname, CASE WHEN k.convalidated THEN 'V' ELSE 'N' END
      FROM tables t
      JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
)
SELECT nspname::text, relname::text, kind, name::text, state
  FROM found
 ORDER BY relkind = 'p' DESC, nspname, relname, kind, name
