-- What a publication lists, and the partitions that a listed partitioned table stands for (without a member's OID).
-- Without the server's own function and view, which wait for everybody's exclusive lock on the tables.
WITH RECURSIVE listed AS (
    SELECT oid, prrelid FROM pg_catalog.pg_publication_rel WHERE prpubid = %(publication)s
), partitions (oid) AS (
    SELECT i.inhrelid
      FROM listed
      JOIN pg_catalog.pg_class root ON root.oid = listed.prrelid AND root.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = root.oid AND NOT i.inhdetachpending
    UNION
    SELECT i.inhrelid
      FROM partitions
      JOIN pg_catalog.pg_inherits i ON i.inhparent = partitions.oid AND NOT i.inhdetachpending
), members AS (
    SELECT oid::bigint AS member, prrelid AS relation FROM listed
    UNION ALL
    SELECT NULL, oid FROM partitions WHERE oid NOT IN (SELECT prrelid FROM listed)
)
SELECT m.member, c.oid::bigint, n.nspname, c.relname
  FROM members m
  JOIN pg_catalog.pg_class c ON c.oid = m.relation AND (m.member IS NOT NULL OR c.relkind = 'r')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 3, 4
