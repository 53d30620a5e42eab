INSERT INTO syncwizard.tables (task_id, schema_name, table_name, generation, pair_lsn, chunks, chunk_pages, kept)
VALUES (%(task_id)s, %(schema)s, %(name)s, %(generation)s, %(lsn)s, %(chunks)s, %(pages)s, %(kept)s)
ON CONFLICT (task_id, schema_name, table_name) DO UPDATE
   SET generation = excluded.generation,
       pair_lsn = excluded.pair_lsn,
       chunks = excluded.chunks,
       chunk_pages = excluded.chunk_pages
