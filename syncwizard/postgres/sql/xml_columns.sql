-- Stored columns of some tables that hold XML, also within domains, arrays and composites.
WITH RECURSIVE holding (oid) AS (
    SELECT 'pg_catalog.xml'::pg_catalog.regtype::oid
    UNION
    SELECT t.oid
      FROM holding h
     CROSS JOIN LATERAL (
           SELECT oid FROM pg_catalog.pg_type WHERE typbasetype = h.oid OR typelem = h.oid
           UNION ALL
           SELECT c.reltype
             FROM pg_catalog.pg_attribute a
             JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            WHERE a.atttypid = h.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
           ) AS t
)
SELECT n.nspname, c.relname, a.attname
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%s::bigint[]::oid[])
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND a.atttypid IN (SELECT oid FROM holding)
 ORDER BY 1, 2, a.attnum
