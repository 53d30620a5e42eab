"""Items about pgvector: whether its indexes can be built with all that the destination has."""

from syncwizard.postgres.catalog.objects import read_vector_indexes
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, item, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.structure.vector_index import SAFE_PARALLEL_HNSW, builds_hnsw_in_parallel, read_vector_index
from syncwizard.task.text import counted


@item("vector-builds", "HNSW indexes are built in parallel at the destination", BOTH, OBJECTS)
def vector_builds(checkup: Checkup) -> Finding:
    """Versions of pgvector with CVE-2026-3172 write beyond their memory in a parallel build: they build alone."""
    if not checkup.synchronizes("schema"):
        return passed("not needed")
    oids = [table.oid for table in checkup.selection.tables]
    found = sum(
        read_vector_index(each.definition).method == "hnsw" for each in read_vector_indexes(checkup.source, oids)
    )
    versions = checkup.there.indexes.read_pgvector()
    if not found or versions is None or builds_hnsw_in_parallel(*versions):
        return passed()
    return warning(
        f"{counted(found, 'HNSW index', 'HNSW indexes')} will be built by one process each: pgvector"
        f" {min(filter(None, versions))} of the destination has CVE-2026-3172, a buffer overflow in parallel builds",
        f"install pgvector {SAFE_PARALLEL_HNSW} or newer on the destination's server, then update the extension in the"
        " database",
        "ALTER EXTENSION vector UPDATE" if versions[1] else "",
    )


ITEMS = (vector_builds,)
