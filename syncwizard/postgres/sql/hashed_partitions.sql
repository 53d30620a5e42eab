-- Partitions below a table that is partitioned by the hash of values whose hash is another in another database: of enums
-- and of what may contain one (the hash of their OIDs), of texts under collations that are not deterministic (by the
-- library's sort keys); and of texts (the hash of their bytes), where only encodings may differ.
WITH RECURSIVE hashed (oid, why) AS (
    SELECT p.partrelid,
           CASE WHEN bool_or(o.opcintype IN ('anyenum'::regtype, 'anyarray'::regtype, 'anyrange'::regtype,
                                             'anymultirange'::regtype, 'record'::regtype)
                             OR NOT coalesce(l.collisdeterministic, true)) THEN 'local'
                WHEN bool_or(k.collation_oid <> 0 OR o.opcintype = 'jsonb'::regtype) THEN 'encoding' END
      FROM pg_catalog.pg_partitioned_table p
     CROSS JOIN LATERAL unnest(p.partclass::oid[], p.partcollation::oid[]) AS k (opclass, collation_oid)
      JOIN pg_catalog.pg_opclass o ON o.oid = k.opclass
      LEFT JOIN pg_catalog.pg_collation l ON l.oid = k.collation_oid
     WHERE p.partstrat = 'h'
     GROUP BY p.partrelid
), tree (oid, why) AS (
    SELECT i.inhrelid, h.why
      FROM hashed h
      JOIN pg_catalog.pg_inherits i ON i.inhparent = h.oid
     WHERE h.why IS NOT NULL
    UNION
    SELECT i.inhrelid, t.why
      FROM tree t
      JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
)
SELECT t.oid::bigint, max(t.why)
  FROM tree t
  JOIN pg_catalog.pg_class c ON c.oid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%s)
 GROUP BY t.oid
