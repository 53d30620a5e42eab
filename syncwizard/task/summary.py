"""What a specification amounts to, in words; pure."""

from syncwizard.task.specification import SchemaObjects, TaskSpec
from syncwizard.task.stages import STAGES

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
        f"stages: {' → '.join(STAGES)}",
        *made_by(spec),
        f"removed by: syncwizard release TASK; {STAYS}",
    ]


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
