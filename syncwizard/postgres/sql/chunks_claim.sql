-- The first chunks of tables that are one chunk each. FOR SHARE keeps generations from passing until this transaction
-- has ended.
INSERT INTO syncwizard.chunks (task_id, schema_name, table_name, generation, chunk, rows, bytes)
SELECT t.task_id, t.schema_name, t.table_name, t.generation, 0, 0, 0
  FROM unnest(%(schemas)s::text[], %(names)s::text[], %(generations)s::integer[]) AS w (schema_name, name, generation)
  JOIN syncwizard.tables t
    ON t.task_id = %(task_id)s
   AND t.schema_name = w.schema_name
   AND t.table_name = w.name
   AND t.generation = w.generation
 WHERE t.chunks = 1
   FOR SHARE OF t
