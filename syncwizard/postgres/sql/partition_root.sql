SELECT rn.nspname, rc.relname
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_class rc
    ON rc.oid = CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid) ELSE c.oid END
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
 WHERE c.oid = %s::bigint::oid
