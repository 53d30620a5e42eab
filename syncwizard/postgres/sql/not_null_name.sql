-- The NOT NULL constraint of a table that has a name which another constraint is to get, and a free name for it.
SELECT free.name
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT left(k.conname, 58) || number
         FROM generate_series(1, 1000) AS number
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o
                           WHERE o.conrelid = c.oid AND o.conname = left(k.conname, 58) || number)
        ORDER BY number
        LIMIT 1
       ) AS free (name)
 WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND k.conname = %(name)s AND k.contype = 'n'
