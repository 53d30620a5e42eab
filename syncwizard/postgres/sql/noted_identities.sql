SELECT pg_catalog.obj_description(p.oid, 'pg_publication')
  FROM pg_catalog.pg_publication p
 WHERE p.pubname LIKE 'dts\_sync\_%%'
   AND p.pubname <> %s
   AND pg_catalog.obj_description(p.oid, 'pg_publication') LIKE '[%%'
 ORDER BY p.pubname
