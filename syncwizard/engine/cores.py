"""Keeps the memory of a process that knows secrets from being written to disk when it crashes."""

import resource
import sys

# Linux writes nothing for this limit, not even into a pipe to a collector of crashes, which 0 does not keep out
# (core(5); "RLIMIT_CORE is set to 1" in fs/coredump.c). Elsewhere no core is so small either.
NO_CORE_BYTES = 1 if sys.platform == "linux" else 0


def refuse_core_dumps() -> None:
    """No core dump of this process and of all that it starts: pg_dump and ssh know secrets, too."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = NO_CORE_BYTES if hard == resource.RLIM_INFINITY else min(NO_CORE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
