-- What relations are like now, without a lock on any of them: name, storage, the way up its partition tree by the rows of
-- pg_inherits (a partition that was detached and attached again has another row), and the columns. Each column: number,
-- name, type, the transaction that wrote its definition last (of a generated one: its expression), and where rows get
-- its value from that were there before it: 'g' generated, 'c' one constant, which is the default too, 'm' one value
-- that may not be the default, 'd' none, but a default for rows to come, '' nothing at all.
SELECT c.oid::bigint AS relation,
       n.nspname,
       c.relname,
       c.relfilenode::bigint,
       coalesce((SELECT CASE WHEN bool_or(i.inhdetachpending) THEN ''
                             ELSE string_agg(i.inhparent || ':' || i.xmin::text, '/' ORDER BY a.step) END
                   FROM pg_catalog.pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (relid, step)
                   JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.relid
                  WHERE c.relispartition), ''),
       CASE WHEN c.relkind = 'r' THEN coalesce((
           SELECT json_agg(json_build_array(
                      a.attnum,
                      a.attname,
                      a.atttypid::bigint,
                      CASE WHEN a.attgenerated <> '' THEN d.xmin::text ELSE a.xmin::text END,
                      CASE WHEN a.attgenerated <> '' THEN 'g'
                           WHEN a.atthasmissing AND d.adbin::text LIKE '{CONST %%' THEN 'c'
                           WHEN a.atthasmissing THEN 'm'
                           WHEN a.atthasdef OR a.attidentity <> '' THEN 'd'
                           ELSE '' END
                  ) ORDER BY a.attnum)
             FROM pg_catalog.pg_attribute a
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       )::text, '[]') ELSE '[]' END
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%(relations)s::bigint[]::oid[])
