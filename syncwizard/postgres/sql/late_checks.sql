-- The validated CHECKs of some tables that may not hold, or cannot be evaluated, while rows are copied: they call functions
-- of users, which may read other tables, or what is not immutable, which may say something else today.
SELECT n.nspname, c.relname, k.conname,
       pg_catalog.pg_get_constraintdef(k.oid),
       pg_catalog.pg_get_expr(k.conbin, k.conrelid),
       k.coninhcount > 0
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS given (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = given.name AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated
 WHERE k.conbin::text LIKE '%%{SQLVALUEFUNCTION %%'
    OR EXISTS (SELECT
                 FROM pg_catalog.regexp_matches(k.conbin::text, ':(?:op)?funcid (\d+)', 'g') AS m (groups)
                 JOIN pg_catalog.pg_proc p ON p.oid = m.groups[1]::oid
                 JOIN pg_catalog.pg_language l ON l.oid = p.prolang
                WHERE p.provolatile <> 'i' OR l.lanname NOT IN ('c', 'internal') AND p.oid >= 16384)
 ORDER BY 1, 2, 3
