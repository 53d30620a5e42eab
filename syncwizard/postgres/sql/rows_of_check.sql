-- The query that shows which rows a CHECK does not allow.
SELECT format('SELECT * FROM %%s WHERE NOT (%%s)', k.conrelid::pg_catalog.regclass,
              pg_catalog.pg_get_expr(k.conbin, k.conrelid))
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'c' AND k.conname = %(name)s AND n.nspname = %(schema)s AND c.relname = %(table)s
