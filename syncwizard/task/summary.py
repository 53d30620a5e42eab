"""What a specification amounts to, in words; pure."""

from syncwizard.task.specification import SchemaObjects, TaskSpec
from syncwizard.task.stages import STAGES
from syncwizard.task.text import listed

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
    objects = ", ".join(map(describe_objects, spec.objects))
    return [
        f"from {spec.source.describe()} to {spec.destination.describe()}: {objects}",
        f"synchronizes: {', '.join(types)}; tables that exist already: {existing}",
        *([f"at the destination: {listed(changes)}"] if (changes := describe_changes(spec)) else []),
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


def made_by(spec: TaskSpec) -> list[str]:
    """What of its own the task makes at either end."""
    ours = spec.slot if spec.id else "dts_sync_<id>"
    return [
        f"at the source: slot and publication {ours}, table public.dts_postgres_heartbeat",
        "at the destination: schema syncwizard",
    ]


def describe_objects(entry: SchemaObjects) -> str:
    """What is selected of one schema.

    >>> describe_objects(SchemaObjects(schema="kb", exclude=["scratch"]))
    'schema kb without scratch'
    """
    if entry.whole:
        return f"schema {entry.schema}" + (f" without {', '.join(entry.exclude)}" if entry.exclude else "")
    names = [*(chosen.table for chosen in entry.tables), *(name for _, name in entry.named)]
    return ", ".join(f"{entry.schema}.{name}" for name in names)
