SELECT d.datname, greatest(pg_catalog.age(d.datfrozenxid), pg_catalog.mxid_age(d.datminmxid))
  FROM pg_catalog.pg_database d
 ORDER BY 2 DESC
 LIMIT 1
