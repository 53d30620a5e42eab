-- Types by OID, each followed through domains, arrays, ranges, multiranges and composites: whether its binary form
-- means the same at another server, how the types of users in it are built, because a name alone does not say it, and
-- which types in it name or count things of their own database or server.
-- Type names come with typmod -1, because "character" and "bit" without a length mean a length of one.
WITH RECURSIVE parts (top, part) AS (
    SELECT oid, oid FROM pg_catalog.pg_type WHERE oid = ANY (%s::bigint[]::oid[])
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
                   AND t.typcategory = 'N' OR t.oid IN (22, 26, 30, 1033)) AS textual,
           string_agg(DISTINCT t.typname, ', ')
           FILTER (WHERE t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                     AND (t.typname ~ '^reg' AND t.typcategory = 'N'
                          OR t.typname IN ('oid', 'oidvector', 'aclitem', 'tid', 'xid', 'xid8', 'cid', 'pg_lsn',
                                           'pg_snapshot', 'txid_snapshot'))) AS local,
           string_agg(pg_catalog.format_type(t.oid, -1) || ' ' || built.how, '; '
                      ORDER BY pg_catalog.format_type(t.oid, -1) COLLATE "C") AS structure
      FROM parts p
      JOIN pg_catalog.pg_type t ON t.oid = p.part
      LEFT JOIN LATERAL (
           SELECT 'as ' || pg_catalog.format_type(t.typbasetype, t.typtypmod) WHERE t.typtype = 'd'
           UNION ALL
           SELECT 'of ' || pg_catalog.format_type(r.rngsubtype, -1)
             FROM pg_catalog.pg_range r
            WHERE r.rngtypid = t.oid OR r.rngmultitypid = t.oid
           UNION ALL
           SELECT '(' || string_agg(pg_catalog.quote_ident(a.attname) || ' '
                                    || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) || ')'
             FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
           ) AS built (how) ON t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace
     GROUP BY p.top
)
SELECT top::bigint,
       pg_catalog.format_type(top, -1),
       coalesce(structure, ''),
       transferable AND NOT textual,
       textual,
       coalesce(local, '')
  FROM types
