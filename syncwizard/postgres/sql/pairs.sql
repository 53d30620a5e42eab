-- Where the changes of each table begin to count. A table whose copy was never finished takes none: it was dropped at
-- the source before.
SELECT t.schema_name,
       t.table_name,
       CASE WHEN t.chunks > (SELECT count(*)
                               FROM syncwizard.chunks c
                              WHERE c.task_id = t.task_id
                                AND c.schema_name = t.schema_name
                                AND c.table_name = t.table_name
                                AND c.generation = t.generation)
            THEN 'FFFFFFFF/FFFFFFFF'
            ELSE t.pair_lsn::text
       END
  FROM syncwizard.tables t
 WHERE t.task_id = %s
