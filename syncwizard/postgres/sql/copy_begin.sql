INSERT INTO syncwizard.tables (task_id, schema_name, table_name, generation, pair_lsn, chunks, chunk_pages, kept,
                               pair_beat, pair_beat_at)
VALUES (%(task_id)s, %(schema)s, %(name)s, %(generation)s, %(lsn)s, %(chunks)s, %(pages)s, %(kept)s,
        %(beat)s, %(beat_at)s)
ON CONFLICT (task_id, schema_name, table_name) DO UPDATE
   SET generation = excluded.generation,
       pair_lsn = excluded.pair_lsn,
       chunks = excluded.chunks,
       chunk_pages = excluded.chunk_pages,
       pair_beat = excluded.pair_beat,
       pair_beat_at = excluded.pair_beat_at
