-- FOR SHARE keeps the generation from passing until this transaction has ended.
INSERT INTO syncwizard.chunks (task_id, schema_name, table_name, generation, chunk, rows, bytes)
SELECT t.task_id, t.schema_name, t.table_name, t.generation, %(chunk)s, 0, 0
  FROM syncwizard.tables t
 WHERE t.task_id = %(task_id)s
   AND t.schema_name = %(schema)s
   AND t.table_name = %(name)s
   AND t.generation = %(generation)s
   FOR SHARE
