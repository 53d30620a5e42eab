-- The indexes of every table that can be selected, a row a table: names, methods, whether they are unique, and their
-- columns in words; an expression has no name.
WITH schemas AS MATERIALIZED (
    SELECT oid, nspname
      FROM pg_catalog.pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'syncwizard', 'dts_ddl')
), indexes AS (
    SELECT i.indrelid, ic.relname, am.amname, i.indisunique, i.indisprimary,
           string_agg(coalesce(t.attname::text, 'expression'), ', ' ORDER BY a.attnum) AS columns
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
      JOIN pg_catalog.pg_am am ON am.oid = ic.relam
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum BETWEEN 1 AND i.indnkeyatts
      LEFT JOIN pg_catalog.pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = i.indkey[a.attnum - 1]
     WHERE i.indisvalid
     GROUP BY i.indexrelid, i.indrelid, ic.relname, am.amname, i.indisunique, i.indisprimary
)
SELECT n.nspname,
       c.relname,
       array_agg(x.relname::text ORDER BY x.indisprimary DESC, x.relname),
       array_agg(x.amname::text ORDER BY x.indisprimary DESC, x.relname),
       array_agg(x.columns ORDER BY x.indisprimary DESC, x.relname),
       array_agg(x.indisunique ORDER BY x.indisprimary DESC, x.relname)
  FROM pg_catalog.pg_class c
  JOIN schemas n ON n.oid = c.relnamespace
  JOIN indexes x ON x.indrelid = c.oid
 WHERE c.relkind IN ('r', 'p')
 GROUP BY c.oid, n.nspname, c.relname
