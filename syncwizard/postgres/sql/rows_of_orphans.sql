-- The query that shows which rows have a foreign key that meets no row of the other table.
SELECT format(
         'SELECT * FROM %%s AS a WHERE %%s AND NOT EXISTS (SELECT FROM %%s AS b WHERE %%s)',
         CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END || k.conrelid::pg_catalog.regclass,
         string_agg(format('a.%%I IS NOT NULL', a.attname), ' AND ' ORDER BY u.place),
         k.confrelid::pg_catalog.regclass,
         string_agg(format('b.%%I = a.%%I', f.attname, a.attname), ' AND ' ORDER BY u.place))
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (own, other, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.own
  JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.other
 WHERE k.contype = 'f' AND k.conname = %(name)s AND n.nspname = %(schema)s AND c.relname = %(table)s
 GROUP BY k.conrelid, k.confrelid, c.relkind
