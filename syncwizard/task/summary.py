"""What a specification amounts to, in words; pure."""

from collections.abc import Iterator

from syncwizard.task.specification import SchemaObjects, TaskSpec
from syncwizard.task.stages import STAGES
from syncwizard.task.text import listed, one_line

RELEASE_CONSEQUENCES = (
    "Removes everything of the task at both ends: slot, publication, heartbeat, changed replica identities, progress. "
    "The rows at the destination stay. The task cannot be resumed after that."
)


# What a release leaves.
STAYS = "the copied tables and rows stay"


def describe_plan(spec: TaskSpec) -> list[str]:
    """What the task does and what it makes at each end, a line each."""
    types = spec.synchronization.types
    existing = "refused" if spec.synchronization.conflicts == "report" else "kept, rows with a known key left alone"
    objects = listed(name for entry in spec.objects for name in _names_of(entry))
    return [
        f"from {spec.source.describe()} to {spec.destination.describe()}: {objects}",
        "topology: one-way; a reverse task is made by a switchover alone",
        f"synchronizes: {', '.join(types)}; tables that exist already: {existing}",
        *([f"at the destination: {listed(changes)}"] if (changes := changes_of(spec)) else []),
        f"stages: {' → '.join(STAGES)}",
        *made_by(spec),
        f"removed by: syncwizard release TASK; {STAYS}",
    ]


def describe_changes(spec: TaskSpec) -> list[str]:
    """What is called otherwise at the destination, or does not travel; nothing for a task that keeps all of it.

    >>> from syncwizard.task.objects import TableObject
    >>> entry = SchemaObjects(schema="s", name="d", tables=[TableObject(table="t", name="u", exclude_columns=["x"])])
    >>> from syncwizard.task.specification import Endpoint
    >>> describe_changes(TaskSpec(name="n", source=Endpoint(), destination=Endpoint(), objects=[entry]))
    ['schema s → d', 's.t → d.u without x']
    """
    found = []
    if spec.synchronization.capitalization != "source":
        found.append(f"names without an entry in {spec.synchronization.capitalization} case")
    for entry in spec.objects:
        target = entry.name if entry.name is not None else entry.schema
        if target != entry.schema:
            found.append(f"schema {entry.schema} → {target}")
        for table in entry.described:
            name = table.table if table.name is None else table.name
            parts = [f"{entry.schema}.{table.table}"]
            parts += [f"→ {target}.{name}"] if (target, name) != (entry.schema, table.table) else []
            renamed = [f"{own} → {new}" for own, new in table.columns.items() if own != new]
            parts += [f"({', '.join(renamed)})"] if renamed else []
            parts += [f"without {', '.join(table.exclude_columns)}"] if table.exclude_columns else []
            if len(parts) > 1:
                found.append(" ".join(parts))
        found += [f"{entry.schema}: {rule.pattern} → {rule.name}" for rule in entry.rename]
    return found


def changes_of(spec: TaskSpec) -> list[str]:
    """What is called otherwise at the destination, or does not travel as it is: the operations, rows and values too.

    >>> from syncwizard.task.objects import TableObject
    >>> from syncwizard.task.specification import Endpoint
    >>> entry = SchemaObjects(schema="s", tables=[TableObject(table="t", name="u", where="id > 5")])
    >>> changes_of(TaskSpec(name="n", source=Endpoint(), destination=Endpoint(), objects=[entry]))
    ['s.t → s.u', 's.t: only rows with id > 5']
    """
    script = ["every row goes through a script"] if spec.advanced.etl else []
    return [*describe_changes(spec), *_asked_of_rows(spec), *script]


def _asked_of_rows(spec: TaskSpec) -> Iterator[str]:
    for entry in spec.objects:
        if entry.operations is not None:
            yield f"schema {entry.schema}: only {', '.join(entry.operations) or 'the copy'}"
        for table in entry.described:
            name = f"{entry.schema}.{table.table}"
            if table.where is not None:
                yield f"{name}: only rows with {one_line(table.where)}"
            if table.etl is not None:
                yield f"{name}: rows go through a script"
            if table.operations is not None:
                yield f"{name}: only {', '.join(table.operations) or 'the copy'}"


def made_by(spec: TaskSpec) -> list[str]:
    """What of its own the task makes at either end."""
    ours = spec.slot if spec.id else "dts_sync_<id>"
    return [
        f"at the source: slot and publication {ours}, table public.dts_postgres_heartbeat"
        if spec.advanced.decoding == "pgoutput"
        else f"at the source: slot {ours}, tables public.dts_postgres_heartbeat and public.dts_postgres_captured",
        "at the destination: schema syncwizard",
    ]


def describe_objects(entry: SchemaObjects) -> str:
    """What is selected of one schema.

    >>> describe_objects(SchemaObjects(schema="kb", exclude=["scratch"]))
    'schema kb without scratch'
    """
    return listed(_names_of(entry))


def _names_of(entry: SchemaObjects) -> list[str]:
    """A whole schema is one."""
    if entry.whole:
        return [f"schema {entry.schema}" + (f" without {listed(entry.exclude)}" if entry.exclude else "")]
    names = [*(chosen.table for chosen in entry.tables), *(name for _, name in entry.named)]
    return [f"{entry.schema}.{name}" for name in names]
