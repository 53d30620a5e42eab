-- Every partition below the given partitioned tables: its OID, its schema, and the given table it is below. By way of the
-- catalogue alone: the server's own function waits for everybody's exclusive lock on the tables.
WITH RECURSIVE tree (oid, parent) AS (
    SELECT i.inhrelid, i.inhparent
      FROM pg_catalog.pg_inherits i
     WHERE i.inhparent = ANY (%s::bigint[]::oid[]) AND NOT i.inhdetachpending
    UNION ALL
    SELECT i.inhrelid, tree.parent
      FROM tree
      JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid AND NOT i.inhdetachpending
)
SELECT c.oid::bigint, n.nspname, tree.parent::bigint
  FROM tree
  JOIN pg_catalog.pg_class c ON c.oid = tree.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
