-- Rows of tables as the statistics have them, and bytes of the rows with TOAST, and of the indexes.
SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint,
       coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint,
       coalesce(sum(pg_catalog.pg_indexes_size(c.oid)), 0)::bigint
  FROM pg_catalog.pg_class c
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
