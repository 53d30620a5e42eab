-- The index that a backend (its pid) builds: phase, and how much of it is done (0 of 0 where nothing is counted).
-- A build is left out in its first moment, when its index is not in the catalogue yet.
SELECT index_schema.nspname,
       index.relname,
       table_schema.nspname,
       on_table.relname,
       progress.phase,
       progress.blocks_done,
       progress.blocks_total,
       progress.tuples_done,
       progress.tuples_total
FROM pg_catalog.pg_stat_progress_create_index AS progress
JOIN pg_catalog.pg_class AS on_table ON on_table.oid = progress.relid
JOIN pg_catalog.pg_namespace AS table_schema ON table_schema.oid = on_table.relnamespace
JOIN pg_catalog.pg_class AS index ON index.oid = progress.index_relid
JOIN pg_catalog.pg_namespace AS index_schema ON index_schema.oid = index.relnamespace
WHERE progress.pid = %s
  AND progress.datname = pg_catalog.current_database()
