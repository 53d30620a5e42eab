-- Everything of the user's own that a task can select, in one pass over the catalogue: system schemas, extensions'
-- objects and ours left out. Sizes of tables that are locked, or waited for, exclusively are estimated from the last
-- VACUUM or ANALYZE, because measuring would wait for that lock.
WITH schemas AS MATERIALIZED (
    SELECT oid, nspname
      FROM pg_catalog.pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'syncwizard', 'dts_ddl')
), of_extensions AS MATERIALIZED (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), locked AS MATERIALIZED (
    SELECT DISTINCT relation
      FROM pg_catalog.pg_locks
     WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
), keyed AS MATERIALIZED (
    SELECT i.indrelid
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid
      JOIN pg_catalog.pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = i.indkey[a.attnum - 1]
     WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND a.attnum BETWEEN 1 AND i.indnkeyatts
     GROUP BY i.indexrelid, i.indrelid
    HAVING bool_and(t.attnotnull)
), vectors AS MATERIALIZED (
    SELECT a.attrelid,
           array_agg(a.attname || ' ' || t.typname
                     || CASE WHEN a.atttypmod > 0 THEN '(' || a.atttypmod || ')' ELSE '' END
                     ORDER BY a.attnum) AS columns
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_attribute a ON a.atttypid = t.oid
     WHERE t.typname IN ('vector', 'halfvec', 'sparsevec') AND a.attnum > 0 AND NOT a.attisdropped
     GROUP BY a.attrelid
), parents AS MATERIALIZED (
    SELECT i.inhrelid, n.nspname, c.relname
      FROM pg_catalog.pg_inherits i
      JOIN pg_catalog.pg_class c ON c.oid = i.inhparent AND c.relkind = 'p'
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), owners AS MATERIALIZED (
    SELECT DISTINCT ON (d.objid) d.objid, n.nspname, c.relname
      FROM pg_catalog.pg_depend d
      JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
)
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
       n.nspname,
       c.relname,
       CASE WHEN c.relkind IN ('r', 'm', 'p') AND c.reltuples >= 0 THEN c.reltuples::bigint END,
       CASE WHEN c.relkind NOT IN ('r', 'm') THEN 0
            WHEN c.oid IN (SELECT relation FROM locked)
            THEN (c.relpages + coalesce(s.relpages, 0)) * pg_catalog.current_setting('block_size')::bigint
            ELSE coalesce(pg_catalog.pg_table_size(c.oid), 0) END,
       coalesce(v.columns, ARRAY[]::text[]),
       c.relkind IN ('r', 'p') AND c.oid NOT IN (SELECT indrelid FROM keyed),
       c.relkind = 'p',
       coalesce(p.nspname, o.nspname),
       coalesce(p.relname, o.relname),
       CASE WHEN c.relkind = 'f' THEN 'foreign' WHEN c.relkind IN ('r', 'p') AND c.relpersistence = 'u' THEN 'unlogged'
            ELSE '' END,
       CASE WHEN c.relkind IN ('r', 'p') THEN pg_catalog.pg_get_userbyid(c.relowner) ELSE '' END
  FROM pg_catalog.pg_class c
  JOIN schemas n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class s ON s.oid = c.reltoastrelid
  LEFT JOIN vectors v ON v.attrelid = c.oid AND c.relkind IN ('r', 'p')
  LEFT JOIN parents p ON p.inhrelid = c.oid
  LEFT JOIN owners o ON c.relkind = 'S' AND o.objid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
   AND NOT (n.nspname = 'public' AND c.relname IN ('dts_postgres_heartbeat', 'dts_ddl_command', 'dts_postgres_captured'))
   AND ('pg_catalog.pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM of_extensions)
UNION ALL
SELECT DISTINCT 'function', n.nspname, f.proname, NULL::bigint, 0::bigint, ARRAY[]::text[], false, false, NULL::name,
       NULL::name, '', ''
  FROM pg_catalog.pg_proc f
  JOIN schemas n ON n.oid = f.pronamespace
 WHERE ('pg_catalog.pg_proc'::regclass, f.oid) NOT IN (SELECT classid, objid FROM of_extensions)
UNION ALL
SELECT 'type', n.nspname, t.typname, NULL, 0, ARRAY[]::text[], false, false, NULL, NULL, '', ''
  FROM pg_catalog.pg_type t
  JOIN schemas n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
 WHERE (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
   AND ('pg_catalog.pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM of_extensions)
UNION ALL
SELECT 'schema', nspname, '', NULL, 0, ARRAY[]::text[], false, false, NULL, NULL, '', ''
  FROM schemas
 ORDER BY 2, 1, 3
