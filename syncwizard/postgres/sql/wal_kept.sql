-- What ends a slot by itself, and how much WAL the server wrote since when its statistics were reset last.
SELECT (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS limit_megabytes,
       (SELECT setting::bigint * CASE unit WHEN 'min' THEN 60 ELSE 1 END
          FROM pg_catalog.pg_settings
         WHERE name = 'idle_replication_slot_timeout') AS idle_seconds,
       (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout') AS sender_milliseconds
