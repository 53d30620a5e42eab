-- What belongs to some relations and is made by statements of its own, each with its relation: indexes (those of
-- constraints too), foreign keys, triggers, rules and statistics. What comes with the parent's is left out. The last
-- column is why no dump has it; NULL for what must be in one.
WITH chosen AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname
      FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS given (schema, name)
      JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = given.name AND c.relkind IN ('r', 'p', 'v', 'm')
)
SELECT 'index' AS kind, t.nspname AS schema, c.relname AS name, t.relname AS relation,
       CASE WHEN NOT i.indisvalid AND c.relkind = 'i' THEN 'it is invalid at the source' END AS why
  FROM chosen t
  JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
UNION ALL
SELECT 'foreign key', t.nspname, k.conname, t.relname, NULL
  FROM chosen t
  JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
UNION ALL
SELECT 'trigger', t.nspname, g.tgname, t.relname, NULL
  FROM chosen t
  JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgparentid = 0
UNION ALL
SELECT 'rule', t.nspname, r.rulename, t.relname, NULL
  FROM chosen t
  JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid AND r.rulename <> '_RETURN'
UNION ALL
SELECT 'statistics', n.nspname, s.stxname, t.relname, NULL
  FROM chosen t
  JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
 ORDER BY 1, 2, 3, 4
