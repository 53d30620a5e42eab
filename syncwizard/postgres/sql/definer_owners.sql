-- Functions of the given names that run with the rights of their owner, where that is no superuser: schema, name, types of
-- the arguments, how ALTER ROUTINE names them, owner.
SELECT n.nspname, p.proname,
       array(SELECT CASE WHEN e.oid IS NULL THEN tn.nspname || '.' || t.typname
                         ELSE en.nspname || '.' || e.typname || '[]' END
               FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, position)
               JOIN pg_catalog.pg_type t ON t.oid = a.type
               JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
               LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
               LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
              ORDER BY a.position),
       (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::regclass, p.oid, 0)).identity,
       o.rolname
  FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS given (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = given.schema
  JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = given.name AND p.prosecdef
  JOIN pg_catalog.pg_roles o ON o.oid = p.proowner AND NOT o.rolsuper
