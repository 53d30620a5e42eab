-- Of these names, what extensions bring outside pg_catalog. A function that pg_catalog has too is meant there; of
-- operators the operands decide.
SELECT 'function', p.proname, n.nspname
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
 WHERE p.proname = ANY (%(functions)s)
   AND n.nspname <> 'pg_catalog'
   AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_proc o
        WHERE o.proname = p.proname AND o.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
       )
UNION
SELECT 'operator', o.oprname, n.nspname
  FROM pg_catalog.pg_operator o
  JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
  JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e'
 WHERE o.oprname = ANY (%(operators)s)
   AND n.nspname <> 'pg_catalog'
UNION
SELECT 'type', t.typname, n.nspname
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
 WHERE n.nspname <> 'pg_catalog'
   AND (t.typname = ANY (%(types)s) OR %(operators)s::text[] <> '{}')
