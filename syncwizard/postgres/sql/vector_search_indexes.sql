-- The approximate indexes over vectors of some tables: what they index, by which operator, and how they were made.
SELECT i.indrelid::bigint,
       ni.nspname,
       ci.relname,
       m.amname,
       pg_catalog.pg_get_indexdef(i.indexrelid, 1, true),
       a.attname,
       pg_catalog.format_type(x.atttypid, x.atttypmod),
       nt.nspname,
       t.typname,
       no.nspname,
       o.oprname,
       coalesce(ci.reloptions, '{}'),
       pg_catalog.pg_get_expr(i.indpred, i.indrelid),
       i.indisvalid,
       pg_catalog.pg_get_indexdef(i.indexrelid)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class ci ON ci.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace ni ON ni.oid = ci.relnamespace
  JOIN pg_catalog.pg_am m ON m.oid = ci.relam
  JOIN pg_catalog.pg_attribute x ON x.attrelid = i.indexrelid AND x.attnum = 1
  JOIN pg_catalog.pg_opclass c ON c.oid = i.indclass[0]
  JOIN pg_catalog.pg_type t ON t.oid = c.opcintype
  JOIN pg_catalog.pg_namespace nt ON nt.oid = t.typnamespace
  JOIN pg_catalog.pg_amop p ON p.amopfamily = c.opcfamily AND p.amoppurpose = 'o' AND p.amopstrategy = 1
                           AND p.amoplefttype = c.opcintype
  JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr
  JOIN pg_catalog.pg_namespace no ON no.oid = o.oprnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND i.indkey[0] > 0
 WHERE m.amname IN ('hnsw', 'ivfflat')
   AND i.indrelid = ANY (%s::bigint[]::oid[])
 ORDER BY 1, 2, 3
