-- Of the session's database: its provider of collations, the version that its indexes were made with, and that of now.
SELECT d.datlocprovider::text,
       d.datcollversion,
       pg_catalog.pg_database_collation_actual_version(d.oid)
  FROM pg_catalog.pg_database d
 WHERE d.datname = pg_catalog.current_database()
