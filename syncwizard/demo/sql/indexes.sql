-- After the load, as one does: an HNSW graph built at once is faster than one grown row by row.
CREATE INDEX passages_embedding ON kb.passages USING hnsw (embedding vector_cosine_ops);
CREATE INDEX passages_metadata ON kb.passages USING gin (metadata jsonb_path_ops);
CREATE INDEX tags_tag ON kb.tags (tag);
CREATE INDEX query_log_asked_at ON kb.query_log USING brin (asked_at);
