"""Builds indexes while changes are applied, and chooses memory and workers for the large ones."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from psycopg import errors, sql

from syncwizard.postgres.catalog.objects import read_extension
from syncwizard.postgres.destination.index_progress import read_index_builds
from syncwizard.postgres.dialect import features
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import GO_ON_ALONE, Connection, quoted
from syncwizard.structure.planned import PlannedStatement
from syncwizard.structure.vector_index import builds_hnsw_in_parallel, memory_of, read_vector_index
from syncwizard.task.figures.sample import IndexBuild
from syncwizard.task.names import ObjectName, TableName

MIB = 1024 * 1024
# One build must not take a server's memory from all others: more than this only if the server's own setting
# says so.
MEMORY_CAP_BYTES = 2048 * MIB
# Beyond this a sort gains little.
SORT_MEMORY_BYTES = 512 * MIB
DEFAULT_WORKERS = 2
MAX_WORKERS = 4
# A column without a declared dimension: the widest that an index over `vector` takes is 2000.
UNKNOWN_DIMENSIONS = 1536

IndexState = Literal["missing", "invalid", "valid"]


class ServerResources(msgspec.Struct, frozen=True, kw_only=True):
    """What the server's settings say about its memory (bytes) and processes. `parallel_hnsw`: its pgvector may build
    HNSW with more than one process."""

    shared_buffers: int
    effective_cache_size: int
    maintenance_work_mem: int
    max_parallel_workers: int
    max_parallel_maintenance_workers: int = 0
    parallel_hnsw: bool = True


class BuildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Session settings for one build. `vector` lets small heaps be read in parallel too."""

    maintenance_work_mem: int
    workers: int
    vector: bool = False


def choose_settings(server: ServerResources, needed: int, *, vector: bool, method: str = "") -> BuildSettings:
    """Memory and workers of a build that would use `needed` bytes; `method` is the index's access method.

    The server's RAM cannot be asked for. A server that was tuned says it by effective_cache_size, of which a quarter
    is taken, or by shared_buffers, usually a quarter of the RAM; one that was not claims 4 GB, which allows 1 GB.
    The server's own setting is the floor and MEMORY_CAP_BYTES the ceiling. A parallel build of pgvector reserves
    all of it as shared memory at once, so no more than is needed is asked for.

    >>> untuned = ServerResources(shared_buffers=128 * MIB, effective_cache_size=4096 * MIB,
    ...     maintenance_work_mem=64 * MIB, max_parallel_workers=8, max_parallel_maintenance_workers=2)
    >>> settings = choose_settings(untuned, 252 * MIB, vector=True)
    >>> settings.maintenance_work_mem // MIB, settings.workers
    (252, 2)
    >>> choose_settings(untuned, 9000 * MIB, vector=True).maintenance_work_mem // MIB
    1024
    >>> unsafe = msgspec.structs.replace(untuned, parallel_hnsw=False)
    >>> [choose_settings(unsafe, MIB, vector=True, method=method).workers for method in ("hnsw", "ivfflat")]
    [0, 2]
    """
    affordable = min(MEMORY_CAP_BYTES, max(server.shared_buffers, server.effective_cache_size // 4))
    memory = max(server.maintenance_work_mem, min(needed, affordable))
    if not vector:
        return BuildSettings(maintenance_work_mem=memory, workers=server.max_parallel_maintenance_workers)
    if method == "hnsw" and not server.parallel_hnsw:
        return BuildSettings(maintenance_work_mem=memory, workers=0, vector=True)
    wanted = max(DEFAULT_WORKERS, server.max_parallel_maintenance_workers)
    workers = max(0, min(wanted, MAX_WORKERS, server.max_parallel_workers - 1))
    return BuildSettings(maintenance_work_mem=memory, workers=workers, vector=True)


def concurrently(text: str) -> str:
    """The statement with CONCURRENTLY in its place; pg_dump writes the beginning always the same.

    >>> concurrently("CREATE INDEX i ON public.t USING btree (a)")
    'CREATE INDEX CONCURRENTLY i ON public.t USING btree (a)'
    """
    start = "CREATE INDEX "
    if not text.startswith(start):
        raise ValueError(f"not an ordinary index: {text[:60]}")
    return f"{start}CONCURRENTLY {text.removeprefix(start)}"


class Indexes:
    """The destination's indexes, and what their builds may take of its server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read_resources(self) -> ServerResources:
        """The server's settings as this session has them."""
        values: dict[str, int] = dict(self._connection.execute(query("server_resources")).fetchall())
        return ServerResources(**values, parallel_hnsw=builds_hnsw_in_parallel(*(self.read_pgvector() or ())))

    def read_pgvector(self) -> tuple[str | None, str | None] | None:
        """The versions of pgvector of the server and of the database, which may lag behind; None without any."""
        found = read_extension(self._connection, "vector")
        return None if found is None else (found.default_version, found.installed_version)

    def needed_memory(self, statement: PlannedStatement) -> int:
        """Bytes that the build would use if it could, from the table's size and the index's definition."""
        table = statement.table
        if table is None:
            return 0
        row = self._connection.execute(query("index_estimate"), (table.schema, table.name)).fetchone()
        if row is None:
            return 0
        rows, size = int(row[0]), int(row[1])
        if not statement.vector:
            return min(size, SORT_MEMORY_BYTES)
        index = read_vector_index(statement.text)
        type_name, dimensions = index.type_name, index.dimensions
        if index.column:
            column = self._connection.execute(
                query("vector_column"), (table.schema, table.name, index.column)
            ).fetchone()
            type_name, dimensions = (column[0], column[1]) if column else ("vector", 0)
        return memory_of(index, rows, type_name, dimensions if dimensions > 0 else UNKNOWN_DIMENSIONS)

    def _apply_settings(self, settings: BuildSettings) -> None:
        """Sets the session up for a build."""
        values = {"maintenance_work_mem": f"{settings.maintenance_work_mem // 1024}kB"}
        if features(self._connection).parallel_builds:
            values["max_parallel_maintenance_workers"] = str(settings.workers)
        for name, value in values.items():
            self._connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        # Vectors live in TOAST, so the heap of a large vector table is small and would get no workers.
        parallel: sql.Composable = sql.Literal("0") if settings.vector else sql.SQL("DEFAULT")
        self._connection.execute(sql.SQL("SET min_parallel_table_scan_size = {}").format(parallel))
        self._connection.execute(GO_ON_ALONE)

    def prepare_sorting(self, resources: ServerResources, sessions: int = 1) -> None:
        """Gives the session, one of so many that build at once, the memory that sorts of keys and constraints can use,
        as far as the server affords it."""
        self._apply_settings(choose_settings(resources, SORT_MEMORY_BYTES // sessions, vector=False))

    def state(self, index: ObjectName, table: TableName) -> IndexState:
        """Whether the table has a usable index of this name."""
        row = self._connection.execute(
            query("index_state"), (index.schema, index.name, table.schema, table.name)
        ).fetchone()
        if row is None:
            return "missing"
        return "valid" if row[0] else "invalid"

    def standing(self, indexes: Sequence[ObjectName]) -> dict[ObjectName, int]:
        """Those of the indexes that are valid and no part of a partitioned one, with the rows of their tables by the
        server's statistics."""
        found = self._connection.execute(
            query("standing_indexes"), ([each.schema for each in indexes], [each.name for each in indexes])
        )
        return {ObjectName(schema, name): int(rows) for schema, name, rows in found}

    @property
    def builds_in(self) -> int:
        """The server's process of this session, in which its builds run."""
        return self._connection.info.backend_pid

    def read_builds(self, pid: int) -> list[IndexBuild]:
        """The index that the process `pid` of the same database builds now; empty when it builds none."""
        return read_index_builds(self._connection, pid)

    def builder(self, index: ObjectName, table: TableName) -> int | None:
        """The process that builds this index of the table at present; None without any."""
        row = self._connection.execute(
            query("index_builder"), (index.schema, index.name, table.schema, table.name)
        ).fetchone()
        return None if row is None else int(row[0])

    def drop(self, index: ObjectName) -> None:
        """Drops what an interrupted build left behind."""
        self._connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(quoted(index.schema, index.name))
        )

    def _build(self, statement: PlannedStatement, settings: BuildSettings) -> None:
        """CREATE INDEX CONCURRENTLY. Leaves an invalid index behind when it fails."""
        self._apply_settings(settings)
        self._connection.execute(concurrently(statement.text).encode())

    def build(self, statement: PlannedStatement, settings: BuildSettings) -> None:
        """Builds the index; where shared memory or processes are short (a container's /dev/shm), without workers."""
        index = statement.index
        try:
            self._build(statement, settings)
        except (errors.DiskFull, errors.OutOfMemory, errors.ConfigurationLimitExceeded):
            if settings.workers == 0 or index is None:
                raise
            self.drop(index)
            self._build(statement, msgspec.structs.replace(settings, workers=0))
