-- The user's objects of each kind, as every version counts them.
SELECT kind, count(*)
  FROM (SELECT relkind::text AS kind, relnamespace AS schema, relname AS name FROM pg_class WHERE relkind <> 't'
        UNION ALL
        SELECT 'function', pronamespace, proname FROM pg_proc
        UNION ALL
        -- NOT NULL is one from 18 on.
        SELECT 'constraint ' || contype::text, connamespace, conname FROM pg_constraint WHERE contype <> 'n'
        UNION ALL
        SELECT 'trigger', c.relnamespace, t.tgname
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'statistics', stxnamespace, stxname FROM pg_statistic_ext) AS objects
 WHERE schema IN ('public'::regnamespace, '"Odd ""Names"'::regnamespace) AND name NOT LIKE 'dts\_%'
 GROUP BY kind
