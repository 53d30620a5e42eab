-- Whether a session waits for a lock on a relation that a process holds.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks w
      JOIN pg_catalog.pg_locks h
        ON h.locktype = 'relation' AND h.database = w.database AND h.relation = w.relation AND h.granted
     WHERE w.locktype = 'relation' AND NOT w.granted AND h.pid = %s)
