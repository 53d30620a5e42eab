-- Ordinary and partitioned tables of some schemas; ours (by name) are never part of a task. Sizes are asked for
-- only where they are needed: they wait for an exclusive lock on a table, and are null once it is dropped.
-- The last three: the extension a table belongs to, whether that marks it as holding rows of users, and which.
SELECT c.oid::bigint,
       n.nspname,
       c.relname,
       c.relkind::text,
       c.relispartition,
       coalesce(rn.nspname, n.nspname),
       coalesce(rc.relname, c.relname),
       c.relpersistence::text,
       c.relreplident::text,
       pg_catalog.pg_has_role(c.relowner, 'USAGE'),
       greatest(c.reltuples, 0)::bigint,
       CASE WHEN c.relkind = 'r' AND %(sizes)s THEN coalesce(pg_catalog.pg_relation_size(c.oid), 0) ELSE 0 END,
       CASE WHEN c.relkind = 'r' AND %(sizes)s THEN coalesce(pg_catalog.pg_table_size(c.oid), 0) ELSE 0 END,
       coalesce(e.extname, ''),
       c.oid = ANY (e.extconfig),
       e.extcondition[pg_catalog.array_position(e.extconfig, c.oid)]
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class rc ON c.relispartition AND rc.oid = pg_catalog.pg_partition_root(c.oid)
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
  LEFT JOIN pg_catalog.pg_depend d
         ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass
  LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
 WHERE c.relkind IN ('r', 'p')
   AND n.nspname = ANY (%(schemas)s)
   AND (%(names)s::text[] IS NULL OR c.relname = ANY (%(names)s::text[]))
   AND NOT (n.nspname = 'public' AND c.relname IN ('dts_postgres_heartbeat', 'dts_ddl_command', 'dts_postgres_captured'))
 ORDER BY n.nspname, c.relname
