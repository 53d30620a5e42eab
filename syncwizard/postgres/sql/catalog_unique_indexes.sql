-- Unique indexes with their key columns in index order; `complete` means no predicate and no expression.
SELECT i.indrelid::bigint,
       ic.relname,
       ic.oid::bigint,
       array(SELECT a.attname::text
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
              WHERE k.position <= i.indnkeyatts
              ORDER BY k.position),
       i.indisprimary,
       i.indimmediate,
       i.indpred IS NULL AND i.indexprs IS NULL,
       i.indisvalid,
       i.indisreplident
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indisunique
   AND c.relkind IN ('r', 'p')
   AND n.nspname = ANY (%s)
 ORDER BY i.indrelid, ic.relname
