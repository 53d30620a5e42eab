-- Checks and generated columns of some tables that call functions of users; each expression once, with the first table
-- that has it. With each function: its signature, its schema, and whether a superuser owns it.
SELECT DISTINCT ON (e.expression, f.signatures)
       e.kind,
       e.name,
       n.nspname,
       c.relname,
       e.expression,
       f.signatures,
       f.schemas,
       f.trusted
  FROM (
        SELECT 'constraint' AS kind, conname AS name, conrelid AS relation,
               'pg_catalog.pg_constraint'::pg_catalog.regclass AS class, oid,
               pg_catalog.pg_get_expr(conbin, conrelid) AS expression
          FROM pg_catalog.pg_constraint
         WHERE contype = 'c' AND conrelid = ANY (%(tables)s::bigint[]::oid[])
        UNION ALL
        SELECT 'generated column', a.attname, d.adrelid, 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid,
               pg_catalog.pg_get_expr(d.adbin, d.adrelid)
          FROM pg_catalog.pg_attrdef d
          JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
         WHERE d.adrelid = ANY (%(tables)s::bigint[]::oid[])
       ) AS e
  JOIN pg_catalog.pg_class c ON c.oid = e.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT array_agg(p.oid::pg_catalog.regprocedure::text ORDER BY p.oid) AS signatures,
              array_agg(DISTINCT s.nspname::text) AS schemas,
              bool_and(o.rolsuper) AS trusted
         FROM (SELECT DISTINCT refobjid
                 FROM pg_catalog.pg_depend
                WHERE classid = e.class AND objid = e.oid AND refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
              ) AS d
         JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
         JOIN pg_catalog.pg_namespace s ON s.oid = p.pronamespace
         JOIN pg_catalog.pg_roles o ON o.oid = p.proowner
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend x
                           WHERE x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.objid = p.oid
                             AND x.deptype = 'e')
       ) AS f
 WHERE f.signatures IS NOT NULL
 ORDER BY e.expression, f.signatures, n.nspname, c.relname
