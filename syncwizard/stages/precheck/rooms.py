"""Items about room: the destination's disk and memory for what is copied and built, and this machine's for the task."""

from syncwizard import machine, paths
from syncwizard.postgres.catalog.objects import VectorIndexFacts, read_sizes, read_vector_indexes
from syncwizard.postgres.destination.indexes import ServerResources, choose_settings
from syncwizard.postgres.session.surroundings import read_parameters
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, CONNECTIVITY, Finding, failed, item, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.structure.vector_index import memory_of, read_vector_index
from syncwizard.task.text import describe_bytes

# What a server always has room for: less is not worth a look at its disk.
SMALL_BYTES = 1_000_000_000
LEAST_STATE_BYTES = 10_000_000


@item("destination-disk", "The destination has room for what is copied", BOTH, OBJECTS)
def destination_disk(checkup: Checkup) -> Finding:
    """A server does not say over SQL how much room its disk has: the number to compare it with is given."""
    if not checkup.synchronizes("full"):
        return passed("nothing is copied")
    sizes = read_sizes(checkup.source, [table.oid for table in checkup.selection.tables])
    wal = read_parameters(checkup.destination, ["max_wal_size"]).get("max_wal_size")
    return judge_disk(sizes.row_bytes, sizes.index_bytes, "" if wal is None else wal.shown)


def judge_disk(rows: int, indexes: int, wal: str) -> Finding:
    """What has to fit, in bytes.

    >>> judge_disk(10_000_000, 2_000_000, "1GB").message
    'about 12.0 MB are needed'
    >>> print(judge_disk(300 * 10**9, 100 * 10**9, "1GB").message)
    about 400.0 GB are needed: 300.0 GB of tables, 100.0 GB of indexes; and WAL, of which max_wal_size (1GB) is kept
    """
    needed = f"about {describe_bytes(rows + indexes)} are needed"
    if rows + indexes < SMALL_BYTES:
        return passed(needed)
    kept = f", of which max_wal_size ({wal}) is kept" if wal else ""
    return warning(
        f"{needed}: {describe_bytes(rows)} of tables, {describe_bytes(indexes)} of indexes; and WAL{kept}",
        "make sure that the destination's disk has that much room: its server does not say how much is free",
    )


@item("vector-memory", "The destination has the memory that vector indexes are built with", BOTH, OBJECTS)
def vector_memory(checkup: Checkup) -> Finding:
    """A graph that does not fit is written to disk vector by vector, which takes several times as long."""
    if not checkup.synchronizes("schema"):
        return passed("not needed")
    found = read_vector_indexes(checkup.source, [table.oid for table in checkup.selection.tables])
    return judge_memory(found, checkup.there.indexes.read_resources()) if found else passed("no vector index")


def judge_memory(found: list[VectorIndexFacts], server: ServerResources) -> Finding:
    """Which indexes do not fit, with what each needs."""
    lines = []
    for each in found:
        index = read_vector_index(each.definition)
        needed = memory_of(index, each.rows, index.type_name or each.type_name, index.dimensions or each.dimensions)
        given = choose_settings(server, needed, vector=True, method=index.method).maintenance_work_mem
        if given < needed:
            lines.append(f"{each.name} takes {describe_bytes(needed)}, and is built with {describe_bytes(given)}")
    if lines:
        return warning(
            naming("", lines),
            "set maintenance_work_mem at the destination to what the largest takes, as far as its memory allows",
        )
    return passed()


@item("autovacuum", "The destination's autovacuum runs", ("destination",), (CONNECTIVITY["destination"],))
def autovacuum(checkup: Checkup) -> Finding:
    """Without it a table that takes updates for weeks grows, and plans are made with old statistics."""
    found = read_parameters(checkup.destination, ["autovacuum", "track_counts"])
    off = [name for name, parameter in found.items() if parameter.setting == "off"]
    if not off:
        return passed()
    return warning(
        f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off at the destination",
        "turn it on before changes are applied for long",
        [f"ALTER SYSTEM SET {name} = on" for name in off],
    )


@item("this-machine", "This machine has the room and the files that an engine needs", ())
def this_machine(checkup: Checkup) -> Finding:
    """The journal of a task lives here, and the engine has to outlive the session that started it."""
    free, files = machine.free_bytes(paths.tasks_folder()), machine.open_files()
    return judge_machine(free, files, kills=machine.kills_user_processes() is True and not machine.lingers(_user()))


def judge_machine(free: int, files: int | None, *, kills: bool) -> Finding:
    """Whether an engine can live here; `kills`: it is ended at the last logout.

    >>> judge_machine(10**10, None, kills=False).verdict, judge_machine(10**6, None, kills=False).verdict
    ('passed', 'failed')
    >>> print(*judge_machine(10**10, 64, kills=True).objects, sep="\\n")
    a process may have 64 files open: too few for an engine with many streams
    engines are killed at the last logout (KillUserProcesses=yes)
    """
    if free < LEAST_STATE_BYTES:
        return failed(
            f"{describe_bytes(free)} are free where tasks are kept: a task stops where its journal cannot be written",
            f"make room below {paths.tasks_folder()}, or set XDG_STATE_HOME",
        )
    facts, remedies = [], []
    if free < machine.SCARCE_BYTES:
        facts.append(f"{describe_bytes(free)} are free where tasks are kept")
        remedies.append(f"make room below {paths.tasks_folder()}")
    if files is not None and files < machine.OPEN_FILES:
        facts.append(f"a process may have {files} files open: too few for an engine with many streams")
        remedies.append("ulimit -n 1024")
    if kills:
        facts.append("engines are killed at the last logout (KillUserProcesses=yes)")
        remedies.append("loginctl enable-linger")
    return warning(facts, "; ".join(remedies)) if facts else passed()


def _user() -> str:
    import getpass

    return getpass.getuser()


ITEMS = (destination_disk, vector_memory, autovacuum, this_machine)
