-- What a publication lists, and the partitions that a listed partitioned table stands for (without a member's OID).
SELECT r.oid::bigint, c.oid::bigint, n.nspname, c.relname
  FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE r.prpubid = %(publication)s
UNION
SELECT NULL, c.oid::bigint, n.nspname, c.relname
  FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_class root ON root.oid = r.prrelid AND root.relkind = 'p'
 CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) AS tree
  JOIN pg_catalog.pg_class c ON c.oid = tree.relid AND c.relkind = 'r'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE r.prpubid = %(publication)s
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_rel l WHERE l.prpubid = r.prpubid AND l.prrelid = c.oid)
 ORDER BY 3, 4
