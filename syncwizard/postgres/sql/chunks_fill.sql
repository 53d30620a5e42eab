UPDATE syncwizard.chunks c
   SET rows = w.rows,
       bytes = w.bytes
  FROM unnest(%(schemas)s::text[], %(names)s::text[], %(generations)s::integer[], %(rows)s::bigint[], %(bytes)s::bigint[])
       AS w (schema_name, name, generation, rows, bytes)
 WHERE c.task_id = %(task_id)s
   AND c.schema_name = w.schema_name
   AND c.table_name = w.name
   AND c.generation = w.generation
   AND c.chunk = 0
