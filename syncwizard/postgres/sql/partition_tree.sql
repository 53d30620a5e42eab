-- Every partition below the given partitioned tables: its OID, its schema, and the given table it is below.
SELECT c.oid::bigint, n.nspname, parent.oid
  FROM unnest(%s::bigint[]) AS parent (oid)
 CROSS JOIN LATERAL pg_catalog.pg_partition_tree(parent.oid::oid::regclass) AS tree
  JOIN pg_catalog.pg_class c ON c.oid = tree.relid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE tree.level > 0
