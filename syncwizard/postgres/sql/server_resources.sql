-- Memory settings in bytes, limits of processes as they are.
SELECT name,
       setting::bigint * CASE unit WHEN '8kB' THEN 8192 WHEN 'kB' THEN 1024 ELSE 1 END
  FROM pg_catalog.pg_settings
 WHERE name IN ('shared_buffers', 'effective_cache_size', 'maintenance_work_mem', 'max_parallel_workers',
                'max_parallel_maintenance_workers')
