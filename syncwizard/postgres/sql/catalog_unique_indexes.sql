-- Unique indexes with their key columns in index order; complete are those without predicate and expression. At the
-- end, for each key column, the collation that takes different texts for equal, and whether it is WITHOUT OVERLAPS.
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
       i.indisreplident,
       array(SELECT coalesce(cn.nspname || '.' || co.collname, '')
               FROM unnest(i.indkey::int2[], i.indcollation::oid[]) WITH ORDINALITY AS k (attnum, sorted_by, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
               LEFT JOIN pg_catalog.pg_collation co ON co.oid = k.sorted_by AND NOT co.collisdeterministic
               LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
              WHERE k.position <= i.indnkeyatts
              ORDER BY k.position),
       i.indisexclusion
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indisunique
   AND c.relkind IN ('r', 'p')
   AND n.nspname = ANY (%(schemas)s)
   AND (%(names)s::text[] IS NULL OR c.relname = ANY (%(names)s::text[]))
 ORDER BY i.indrelid, ic.relname
