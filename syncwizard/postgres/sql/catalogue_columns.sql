-- The columns of every table that can be selected, a row a table: names, types with their modifiers, whether the server
-- computes them, and whether they are of the key that rows are found by: the primary key, else the shortest one.
WITH schemas AS MATERIALIZED (
    SELECT oid, nspname
      FROM pg_catalog.pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'syncwizard')
), keys AS MATERIALIZED (
    SELECT DISTINCT ON (i.indrelid) i.indrelid, array_agg(t.attnum) AS columns
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum BETWEEN 1 AND i.indnkeyatts
      JOIN pg_catalog.pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = i.indkey[a.attnum - 1]
     WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
     GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indnkeyatts, ic.relname
    HAVING bool_and(t.attnotnull)
     ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, ic.relname
)
SELECT n.nspname,
       c.relname,
       array_agg(a.attname::text ORDER BY a.attnum),
       array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum),
       array_agg(a.attgenerated <> '' ORDER BY a.attnum),
       array_agg(coalesce(a.attnum = ANY (k.columns), false) ORDER BY a.attnum)
  FROM pg_catalog.pg_class c
  JOIN schemas n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN keys k ON k.indrelid = c.oid
 WHERE c.relkind IN ('r', 'p')
 GROUP BY c.oid, n.nspname, c.relname
