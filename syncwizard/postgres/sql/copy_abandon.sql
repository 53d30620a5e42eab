-- A copy that will never be complete: the next generation shuts out a worker that still holds the former one.
INSERT INTO syncwizard.tables AS t (task_id, schema_name, table_name, generation, pair_lsn, chunks, chunk_pages, kept)
VALUES (%(task_id)s, %(schema)s, %(name)s, 1, '0/0', 1, 1, false)
ON CONFLICT (task_id, schema_name, table_name) DO UPDATE
   SET generation = t.generation + 1,
       chunks = greatest(t.chunks, 1)
