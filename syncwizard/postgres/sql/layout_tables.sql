-- Read from the catalogue's rows: to_regclass answers from the session's cache, which the wait for an advisory lock
-- does not bring up to date.
SELECT pg_catalog.count(*) FILTER (WHERE c.relname = 'progress') > 0,
       pg_catalog.count(*) FILTER (WHERE c.relname = 'layout') > 0
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'syncwizard' AND c.relname IN ('progress', 'layout')
