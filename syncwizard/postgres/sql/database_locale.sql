-- Columns that came with 15 (provider), 16 (rules) and 17 (one locale for ICU and builtin) are read by name.
SELECT pg_catalog.pg_encoding_to_char(d.encoding),
       d.datcollate,
       d.datctype,
       coalesce(j.row ->> 'datlocprovider', ''),
       coalesce(j.row ->> 'datlocale', j.row ->> 'daticulocale', ''),
       coalesce(j.row ->> 'daticurules', '')
  FROM pg_catalog.pg_database d
 CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d)) AS j (row)
 WHERE d.datname = pg_catalog.current_database()
