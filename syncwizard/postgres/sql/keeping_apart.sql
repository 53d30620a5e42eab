-- What keeps rows of some tables, given by OID, from being alike: unique indexes and exclusion constraints, each with its
-- table and the columns that it compares by equality; expressions are none.
SELECT c.relname,
       i.indrelid::bigint,
       array(SELECT a.attname::text
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
               LEFT JOIN pg_catalog.pg_operator o ON o.oid = x.conexclop[k.position]
              WHERE k.position <= i.indnkeyatts AND (x.oid IS NULL OR o.oprname = '=')
              ORDER BY k.position)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  LEFT JOIN pg_catalog.pg_constraint x ON x.conindid = i.indexrelid AND x.contype = 'x'
 WHERE (i.indisunique OR i.indisexclusion) AND i.indrelid = ANY (%(tables)s::bigint[]::oid[])
 ORDER BY 2, 1
