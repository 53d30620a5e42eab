-- The transaction and command by which each of some partitions, or the youngest part of the tree above it, became one.
SELECT c.oid::bigint, made.xmin::text, made.cmin::text::bigint
  FROM unnest(%s::bigint[]::oid[]) AS c (oid)
 CROSS JOIN LATERAL (
       SELECT i.xmin, i.cmin
         FROM pg_catalog.pg_partition_ancestors(c.oid) AS a
         JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.relid
        ORDER BY pg_catalog.age(i.xmin)
        LIMIT 1
       ) AS made
