-- The bounds of the planner's histogram of a column, which has about as many rows between any two: texts, in order.
SELECT s.histogram_bounds::text::text[]
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
 WHERE c.oid = %s
   AND s.attname = %s
   AND NOT s.inherited
