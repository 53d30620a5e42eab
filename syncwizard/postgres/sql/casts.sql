-- Casts that no extension brings, with a type or function of the given schemas: name and definition; both types and
-- the function as schema, name (elements in place of arrays) and arguments, NULL where PostgreSQL or an extension has them.
WITH whole AS MATERIALIZED (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY (%(whole)s)
), of_extension AS MATERIALIZED (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
)
SELECT format('%%s as %%s', pg_catalog.format_type(k.castsource, NULL), pg_catalog.format_type(k.casttarget, NULL)),
       format('CREATE CAST (%%s AS %%s) %%s%%s',
              pg_catalog.format_type(k.castsource, NULL), pg_catalog.format_type(k.casttarget, NULL),
              CASE k.castmethod
                   WHEN 'i' THEN 'WITH INOUT'
                   WHEN 'b' THEN 'WITHOUT FUNCTION'
                   ELSE 'WITH FUNCTION '
                        || (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::regclass, k.castfunc, 0)).identity END,
              CASE k.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END),
       array(SELECT ARRAY[n.nspname, e.typname]
               FROM unnest(ARRAY[s.oid, t.oid]) AS side (oid)
               JOIN pg_catalog.pg_type y ON y.oid = side.oid
               LEFT JOIN pg_catalog.pg_type x ON x.oid = y.typelem AND x.typarray = y.oid
               JOIN pg_catalog.pg_type e ON e.oid = coalesce(x.oid, y.oid)
               JOIN pg_catalog.pg_namespace n ON n.oid = e.typnamespace
              WHERE e.oid >= 16384
                AND ('pg_catalog.pg_type'::regclass, e.oid) NOT IN (SELECT * FROM of_extension))::text[],
       CASE WHEN f.oid >= 16384 AND ('pg_catalog.pg_proc'::regclass, f.oid) NOT IN (SELECT * FROM of_extension)
            THEN ARRAY[fn.nspname, f.proname] END::text[],
       array(SELECT CASE WHEN e.oid IS NULL THEN tn.nspname || '.' || a.typname
                         ELSE en.nspname || '.' || e.typname || '[]' END
               FROM unnest(f.proargtypes::oid[]) WITH ORDINALITY AS g (type, position)
               JOIN pg_catalog.pg_type a ON a.oid = g.type
               JOIN pg_catalog.pg_namespace tn ON tn.oid = a.typnamespace
               LEFT JOIN pg_catalog.pg_type e ON e.oid = a.typelem AND e.typarray = a.oid
               LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
              ORDER BY g.position)
  FROM pg_catalog.pg_cast k
  JOIN pg_catalog.pg_type s ON s.oid = k.castsource
  JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
  LEFT JOIN pg_catalog.pg_proc f ON f.oid = k.castfunc
  LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
 WHERE (s.typnamespace IN (SELECT oid FROM whole) OR t.typnamespace IN (SELECT oid FROM whole)
        OR f.pronamespace IN (SELECT oid FROM whole))
   AND k.oid >= 16384
   -- Ranges bring theirs.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_range r WHERE r.rngtypid = s.oid AND r.rngmultitypid = t.oid)
   AND ('pg_catalog.pg_cast'::regclass, k.oid) NOT IN (SELECT * FROM of_extension)
 ORDER BY 1
