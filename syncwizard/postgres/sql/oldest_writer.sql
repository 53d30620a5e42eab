-- The transaction with the oldest id, a prepared one too: a slot keeps WAL from where it began.
SELECT w.pid, w.name, w.seconds, w.words, w.prepared
  FROM (SELECT a.pid,
               coalesce(a.usename, a.backend_type, '')::text AS name,
               coalesce(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start), 0)::float8 AS seconds,
               left(coalesce(a.query, ''), 80) AS words,
               false AS prepared,
               pg_catalog.age(a.backend_xid) AS age
          FROM pg_catalog.pg_stat_activity a
         WHERE a.backend_xid IS NOT NULL
           AND a.pid <> pg_catalog.pg_backend_pid()
         UNION ALL
        SELECT 0,
               p.owner::text,
               pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared)::float8,
               left(p.gid, 80),
               true,
               pg_catalog.age(p.transaction)
          FROM pg_catalog.pg_prepared_xacts p) w
 ORDER BY w.age DESC, w.pid
 LIMIT 1
