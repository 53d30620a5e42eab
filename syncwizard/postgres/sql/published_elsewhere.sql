SELECT p.pubname
  FROM pg_catalog.pg_publication_tables t
  JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname
 WHERE t.schemaname = %s
   AND t.tablename = %s
   AND p.pubname <> %s
   AND (p.pubupdate OR p.pubdelete)
 ORDER BY p.pubname
