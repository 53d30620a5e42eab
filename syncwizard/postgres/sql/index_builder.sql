SELECT progress.pid
  FROM pg_catalog.pg_stat_progress_create_index progress
  JOIN pg_catalog.pg_class ic ON ic.oid = progress.index_relid
  JOIN pg_catalog.pg_namespace n ON n.oid = ic.relnamespace
  JOIN pg_catalog.pg_class c ON c.oid = progress.relid
  JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
 WHERE n.nspname = %s AND ic.relname = %s AND cn.nspname = %s AND c.relname = %s
   AND progress.datname = pg_catalog.current_database()
