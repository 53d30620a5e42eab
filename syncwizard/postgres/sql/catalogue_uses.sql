-- What reads or serves a table or view: views (through their rules), functions whose body the server has parsed, rules,
-- and triggers with the functions that they call. A body that is kept as text tells nothing.
WITH schemas AS MATERIALIZED (
    SELECT oid, nspname
      FROM pg_catalog.pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'syncwizard', 'dts_ddl')
), relations AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind
      FROM pg_catalog.pg_class c
      JOIN schemas n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
)
SELECT DISTINCT
       CASE WHEN u.relkind = 'v' THEN 'view' WHEN u.relkind = 'm' THEN 'materialized view' ELSE 'rule' END,
       u.nspname, CASE WHEN u.relkind IN ('v', 'm') THEN u.relname ELSE r.rulename END, t.nspname, t.relname
  FROM pg_catalog.pg_rewrite r
  JOIN relations u ON u.oid = r.ev_class
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                             AND d.refclassid = 'pg_catalog.pg_class'::regclass
  JOIN relations t ON t.oid = d.refobjid
 WHERE u.relkind IN ('r', 'p') OR t.oid <> u.oid
UNION ALL
SELECT 'trigger', t.nspname, g.tgname, t.nspname, t.relname
  FROM pg_catalog.pg_trigger g
  JOIN relations t ON t.oid = g.tgrelid
 WHERE NOT g.tgisinternal
UNION ALL
SELECT DISTINCT 'function', n.nspname, f.proname, t.nspname, t.relname
  FROM pg_catalog.pg_trigger g
  JOIN relations t ON t.oid = g.tgrelid
  JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid
  JOIN schemas n ON n.oid = f.pronamespace
 WHERE NOT g.tgisinternal
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                    WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = f.oid AND e.deptype = 'e')
UNION
SELECT DISTINCT 'function', n.nspname, f.proname, t.nspname, t.relname
  FROM pg_catalog.pg_proc f
  JOIN schemas n ON n.oid = f.pronamespace
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = f.oid
                             AND d.refclassid = 'pg_catalog.pg_class'::regclass
  JOIN relations t ON t.oid = d.refobjid
 ORDER BY 1, 2, 3, 4, 5
