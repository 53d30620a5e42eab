"""What both demos begin with and end with: the sample data, the task over them, and no engine left behind."""

import os
import signal

from syncwizard.client import lifecycle
from syncwizard.client.tasks import StoredTask
from syncwizard.demo import knowledge_base
from syncwizard.demo.report import Progress
from syncwizard.demo.workspace import DATABASE, Workspace
from syncwizard.errors import SyncwizardError
from syncwizard.task.specification import Advanced, PrecheckSettings, Retry, SchemaObjects, TaskSpec

TASK_NAME = "demo"
# The log table has no key; the demo knows and accepts that its replica identity becomes FULL.
ACCEPTED = "replica-identity"


def specification(place: Workspace) -> TaskSpec:
    """The demo's task."""
    return TaskSpec(
        name=TASK_NAME,
        source=place.source.endpoint(DATABASE),
        destination=place.destination.endpoint(DATABASE),
        objects=[SchemaObjects(schema="kb")],
        # Should this process be killed, its servers go away, and the engine gives up soon after.
        advanced=Advanced(retry=Retry(connection_minutes=10, other_minutes=1)),
        precheck=PrecheckSettings(ignore=[ACCEPTED]),
    )


def load(place: Workspace, progress: Progress, passages: int) -> None:
    """Fills the source, saying how far it is."""
    with place.source.connect(DATABASE) as session:
        counts = knowledge_base.load(session, passages)
        progress.say(f"{counts['passages']:,} passages of {counts['documents']:,} documents loaded at the source")
        knowledge_base.build_indexes(session)
        progress.say("HNSW and other indexes built at the source")


def end_engine(task: StoredTask) -> bool:
    """No engine outlives the demo, however it ends; whether there was one."""
    holder = task.find_engine()
    if holder is None:
        return False
    try:
        lifecycle.pause(task, timeout=10)
    except SyncwizardError:
        os.kill(holder.pid, signal.SIGKILL)
    return True


def where_to_look(place: Workspace) -> str:
    """How the servers are started again, for a look at what was kept."""
    lines = [f"\nThe servers' data are kept in {place.folder}. To look at them again:"]
    for cluster in (place.source, place.destination):
        lines += [
            f"  {cluster.start_command}",
            f"  {cluster.bin / 'psql'} -h {cluster.sockets} -U postgres {DATABASE}",
        ]
    return "\n".join(lines)
