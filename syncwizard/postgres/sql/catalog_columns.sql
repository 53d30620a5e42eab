-- Live columns, with each type followed through domains, arrays, ranges, multiranges and composites to find
-- out whether its binary form means the same at another server.
-- Type names come with typmod -1, because "character" and "bit" without a length mean a length of one.
WITH RECURSIVE columns AS (
    SELECT a.*
      FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p')
       AND n.nspname = ANY (%s)
       AND a.attnum > 0
       AND NOT a.attisdropped
       AND NOT (n.nspname = 'public' AND c.relname IN ('dts_postgres_heartbeat', 'dts_ddl_command'))
), parts (top, part) AS (
    SELECT DISTINCT atttypid, atttypid FROM columns
    UNION
    SELECT p.top, next.oid
      FROM parts p
      JOIN pg_catalog.pg_type t ON t.oid = p.part
     CROSS JOIN LATERAL (
           SELECT t.typbasetype WHERE t.typtype = 'd'
           UNION ALL
           SELECT t.typelem WHERE t.typelem <> 0
           UNION ALL
           SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid OR r.rngmultitypid = t.oid
           UNION ALL
           SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
           ) AS next (oid)
), types AS (
    SELECT p.top,
           bool_and(t.typsend <> 0 AND t.typreceive <> 0) AS transferable,
           -- An array of a type without a send function has one itself, and pgoutput would fail on it.
           bool_or(p.part = p.top AND t.typsend <> 0) AND NOT bool_and(t.typsend <> 0 AND t.typreceive <> 0)
           OR bool_or(t.typname ~ '^reg' AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                   AND t.typcategory = 'N' OR t.oid IN (22, 26, 30, 1033)) AS textual
      FROM parts p
      JOIN pg_catalog.pg_type t ON t.oid = p.part
     GROUP BY p.top
)
SELECT c.attrelid::bigint,
       c.attname,
       c.attnum,
       c.atttypid::bigint,
       pg_catalog.format_type(c.atttypid, -1),
       c.attnotnull,
       c.attidentity::text,
       c.attgenerated::text,
       t.transferable AND NOT t.textual,
       t.textual,
       pg_catalog.format_type(c.atttypid, c.atttypmod)
  FROM columns c
  JOIN types t ON t.top = c.atttypid
 ORDER BY c.attrelid, c.attnum
