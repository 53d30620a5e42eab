-- Indexes of pgvector on some tables: definition, rows of the table, type and dimensions of the column.
SELECT i.indexrelid::regclass::text,
       pg_catalog.pg_get_indexdef(i.indexrelid),
       greatest(t.reltuples, 0)::bigint,
       coalesce(y.typname, ''),
       coalesce(a.atttypmod, -1)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = c.relam
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  LEFT JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
 WHERE m.amname IN ('hnsw', 'ivfflat')
   AND i.indrelid = ANY (%(oids)s::bigint[]::oid[])
 ORDER BY 1
