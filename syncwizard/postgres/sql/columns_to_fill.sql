-- Columns of the tables that every inserted row must give a value for.
SELECT a.attrelid::bigint, a.attname::text
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = ANY (%s::bigint[]::oid[])
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND a.attnotnull
   AND NOT a.atthasdef
   AND a.attidentity = ''
 ORDER BY a.attrelid, a.attnum
