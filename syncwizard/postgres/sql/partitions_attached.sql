-- The leaves of the partitioned tables that a publication lists, each with the transaction and command by which it, or
-- the youngest part of the tree above it, became a partition.
SELECT n.nspname, c.relname, made.xmin::text, made.cmin::text::bigint
  FROM pg_catalog.pg_publication p
  JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
  JOIN pg_catalog.pg_class root ON root.oid = r.prrelid AND root.relkind = 'p'
 CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) AS tree
  JOIN pg_catalog.pg_class c ON c.oid = tree.relid AND c.relkind = 'r'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT i.xmin, i.cmin
         FROM pg_catalog.pg_partition_ancestors(c.oid) AS a
         JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.relid
        ORDER BY pg_catalog.age(i.xmin)
        LIMIT 1
       ) AS made
 WHERE p.pubname = %s
