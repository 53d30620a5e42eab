-- Rows, TOAST and indexes of tables, in bytes.
SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint,
       coalesce(sum(pg_catalog.pg_indexes_size(c.oid)), 0)::bigint
  FROM pg_catalog.pg_class c
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
