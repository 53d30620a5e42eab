-- For the columns of some relations the function that writes their values in binary form, where equal values give equal
-- bytes at any server: an array or composite of types that users made has their OIDs in it. NULL where it is text that
-- has to be compared.
WITH RECURSIVE base (top, oid) AS (
    SELECT t.oid, t.oid FROM pg_catalog.pg_type t
     WHERE t.oid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY (%s::bigint[]::oid[]))
    UNION ALL
    SELECT b.top, t.typbasetype
      FROM base b
      JOIN pg_catalog.pg_type t ON t.oid = b.oid
     WHERE t.typtype = 'd'
)
SELECT a.attrelid::bigint,
       a.attname,
       CASE WHEN t.typsend <> 0
             AND t.typtype IN ('b', 'e', 'r', 'm')
             AND (t.oid < 16384 OR t.typelem = 0)
             AND (t.oid < 16384 OR t.typtype NOT IN ('r', 'm'))
            THEN t.typsend::pg_catalog.regproc::text
       END
  FROM pg_catalog.pg_attribute a
  JOIN base b ON b.top = a.atttypid
  JOIN pg_catalog.pg_type t ON t.oid = b.oid AND t.typtype <> 'd'
 WHERE a.attrelid = ANY (%s::bigint[]::oid[])
   AND a.attnum > 0
   AND NOT a.attisdropped
