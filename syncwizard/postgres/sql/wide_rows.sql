-- Tables whose rows are large on the average, with the bytes of one.
SELECT c.oid::regclass::text, (pg_catalog.pg_table_size(c.oid) / c.reltuples)::bigint
  FROM pg_catalog.pg_class c
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
   AND c.relkind = 'r'
   AND c.reltuples >= 1
   AND pg_catalog.pg_table_size(c.oid) / c.reltuples >= %(least)s
 ORDER BY 2 DESC
