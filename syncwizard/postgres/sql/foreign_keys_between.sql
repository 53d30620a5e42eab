-- Foreign keys of some tables, given by OID, with the tables and columns of both sides; those of partitions by their root
-- alone.
SELECT k.conname,
       k.conrelid::bigint,
       k.confrelid::bigint,
       array(SELECT a.attname::text
               FROM unnest(k.conkey) WITH ORDINALITY AS c (number, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number
              ORDER BY c.position),
       array(SELECT a.attname::text
               FROM unnest(k.confkey) WITH ORDINALITY AS c (number, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.number
              ORDER BY c.position)
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (%(tables)s::bigint[]::oid[])
 ORDER BY 2, 1
