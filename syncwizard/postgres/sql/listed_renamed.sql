-- The tables of a task's list that got names since, or around which something else changed; see listed_shapes.sql.
SELECT l.number, n.nspname, c.relname, now.named, now.around, l.around <> now.around
  FROM public.dts_postgres_captured l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation::oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type t ON t.oid = c.reltype
 CROSS JOIN LATERAL (
       SELECT t.xmin::text || ':' || n.oid || ':' || n.xmin AS named,
              t.typowner || ':' || coalesce(t.typacl::text, '') || ':' || n.nspowner || ':'
              || coalesce(n.nspacl::text, '') AS around
       ) AS now
 WHERE l.slot_name = %s
   AND (l.named <> now.named OR l.around <> now.around)
