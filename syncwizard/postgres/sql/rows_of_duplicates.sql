-- The query that shows which keys of a unique index occur more than once in its table.
SELECT format(
         'SELECT %%1$s, count(*) FROM %%2$s%%3$s GROUP BY %%1$s HAVING count(*) > 1',
         (SELECT string_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, false), ', ' ORDER BY k)
            FROM pg_catalog.generate_series(1, i.indnkeyatts) k),
         i.indrelid::pg_catalog.regclass,
         ' WHERE ' || nullif(
           pg_catalog.concat_ws(
             ' AND ',
             pg_catalog.pg_get_expr(i.indpred, i.indrelid),
             (SELECT string_agg(format('%%s IS NOT NULL', pg_catalog.pg_get_indexdef(i.indexrelid, k, false)), ' AND ')
                FROM pg_catalog.generate_series(1, i.indnkeyatts) k
               WHERE NOT coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false))), ''))
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = ic.relnamespace
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
 WHERE ic.relname = %(name)s AND n.nspname = cn.nspname AND cn.nspname = %(schema)s AND c.relname = %(table)s
   AND i.indisunique
