-- What some schemas hold, by kind and name.
WITH chosen AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s)
)
SELECT 'relation', n.nspname, c.relname, NULL::text[]
  FROM pg_catalog.pg_class c
  JOIN chosen n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'type', n.nspname, t.typname, NULL
  FROM pg_catalog.pg_type t
  JOIN chosen n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('b', 'd', 'e', 'r', 'c') AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
UNION ALL
SELECT 'collation', n.nspname, k.collname, NULL
  FROM pg_catalog.pg_collation k
  JOIN chosen n ON n.oid = k.collnamespace
UNION ALL
SELECT 'operator', n.nspname, o.oprname, NULL
  FROM pg_catalog.pg_operator o
  JOIN chosen n ON n.oid = o.oprnamespace
UNION ALL
SELECT 'operator class', n.nspname, o.opcname, NULL
  FROM pg_catalog.pg_opclass o
  JOIN chosen n ON n.oid = o.opcnamespace
UNION ALL
SELECT 'operator family', n.nspname, o.opfname, NULL
  FROM pg_catalog.pg_opfamily o
  JOIN chosen n ON n.oid = o.opfnamespace
UNION ALL
SELECT 'text search configuration', n.nspname, t.cfgname, NULL
  FROM pg_catalog.pg_ts_config t
  JOIN chosen n ON n.oid = t.cfgnamespace
UNION ALL
SELECT 'text search dictionary', n.nspname, t.dictname, NULL
  FROM pg_catalog.pg_ts_dict t
  JOIN chosen n ON n.oid = t.dictnamespace
UNION ALL
SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       n.nspname,
       p.proname,
       array(SELECT CASE WHEN e.oid IS NULL THEN tn.nspname || '.' || t.typname
                         ELSE en.nspname || '.' || e.typname || '[]' END
               FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, position)
               JOIN pg_catalog.pg_type t ON t.oid = a.type
               JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
               LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
               LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
              ORDER BY a.position)
  FROM pg_catalog.pg_proc p
  JOIN chosen n ON n.oid = p.pronamespace
