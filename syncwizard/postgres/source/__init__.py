"""The source's side: slot, publication, heartbeat, replication stream."""
