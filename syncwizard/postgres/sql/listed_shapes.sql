-- Relations as pgoutput would describe them, by OID: the columns of the replica identity, or of the primary key where
-- that is FULL, and every column. And who gave them their names: the transactions that wrote the rows of the table's row
-- type and of its schema last, which another name does, but no other change of a table; what else writes those rows
-- stands behind it.
SELECT c.oid::bigint,
       n.nspname,
       c.relname,
       c.relreplident::text,
       t.xmin::text || ':' || n.oid || ':' || n.xmin,
       t.typowner || ':' || coalesce(t.typacl::text, '') || ':' || n.nspowner || ':' || coalesce(n.nspacl::text, ''),
       array(SELECT a.attname::text
               FROM pg_catalog.pg_index i
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
              WHERE i.indrelid = c.oid
                AND CASE c.relreplident WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false ELSE i.indisprimary END
                AND i.indimmediate AND i.indisvalid
                AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
              ORDER BY a.attnum),
       (SELECT coalesce(json_agg(json_build_array(a.attname, a.atttypid::bigint, a.atttypmod, a.attgenerated <> '')
                                 ORDER BY a.attnum), '[]')::text
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type t ON t.oid = c.reltype
 WHERE c.oid = ANY (%(relations)s::bigint[]::oid[])
