-- How many bytes a row of a table takes, with what is out of line: as the planner last counted its rows, or as many as
-- were written since.
SELECT pg_catalog.pg_table_size(c.oid)::float8
       / greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 1)
  FROM pg_catalog.pg_class c
 WHERE c.oid = %s
