-- The number of HNSW indexes of some tables.
SELECT count(*)::integer
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = c.relam
 WHERE m.amname = 'hnsw'
   AND i.indrelid = ANY (%s::bigint[]::oid[])
