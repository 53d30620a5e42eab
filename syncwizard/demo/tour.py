"""The demo's tour: its steps, from the empty list to a comparison after the source went down and came back.

What a step does outside the screens is done to the demo's own servers: the source is really stopped.
"""

from syncwizard.client import tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import wait_for
from syncwizard.demo.comparison import compare
from syncwizard.demo.report import comparison_lines
from syncwizard.demo.workspace import DATABASE, Workspace
from syncwizard.demo.writer import Writer
from syncwizard.errors import SyncwizardError
from syncwizard.task.specification import Endpoint
from syncwizard.tui.touring.script import Paste, Step, Tour

LONGEST_SECONDS = 600.0


def tour_of(place: Workspace, writer: Writer, pace: float) -> Tour:
    """The tour over these servers. Both are up when it is taken over."""
    steps = (*_setting_up(place), *_watching(), *_losing_the_source(place), *_comparing(place, writer))
    return Tour(steps=steps, pace=pace, left=place.source.start)


def url_of(end: Endpoint) -> str:
    """An end as a URL, as it would be pasted."""
    return f"postgresql://{end.user}@/{end.database}?host={end.host}&port={end.port}&sslmode=disable"


def _setting_up(place: Workspace) -> tuple[Step, ...]:
    source, destination = (Paste(url_of(each.endpoint(DATABASE))) for each in (place.source, place.destination))
    return (
        Step(
            caption="A task copies a database to another server, and keeps the copy in step.",
            until=("No tasks yet",),
        ),
        Step(
            caption="n sets one up. Nothing is written at either end before the last step.",
            keys=("n",),
            until=("What you call it",),
        ),
        Step(caption="A URL pasted fills in the source …", keys=(source,), until=("Account postgres",)),
        Step(
            caption="… and another the destination, a newer server. F3 goes from end to end.",
            keys=("f3", destination),
            until=("│ Account postgres",),
        ),
        Step(
            caption="F2 writes the rights that both accounts need as SQL, before anything is asked.",
            keys=("f2",),
            until=("Rights of both accounts",),
            undo=("escape",),
        ),
        Step(
            caption="F8 tests both ends step by step, and lists what there is at the source.",
            keys=("escape", "f8"),
            until=("vector(384)",),
        ),
        Step(
            caption="Space ticks the schema with its four tables; vectors are marked with ◆.",
            keys=("space", "right"),
            until=("4 tables",),
        ),
        Step(caption="Settings have defaults that fit most tasks.", keys=("f8",), until=("● Settings",), undo=("f7",)),
        Step(
            caption="The precheck asks both ends what could go wrong later, and changes nothing.",
            keys=("f8",),
            until=("to accept",),
            undo=("f7",),
        ),
        Step(
            caption="One table has no key: a warning, to be accepted once it was read.",
            keys=("i", "y"),
            until=("success rate 100 %",),
        ),
        Step(
            caption="What the task will make at both ends, and what removes it again.",
            keys=("f8",),
            until=("● Start",),
            undo=("f7",),
        ),
    )


def _watching() -> tuple[Step, ...]:
    return (
        Step(
            caption="F8 starts it: a snapshot is copied while an application keeps writing.",
            keys=("f8",),
            until=("✓ full", "copied ✓", "● in step"),
        ),
        Step(
            caption="Changes stream already while the HNSW index over the vectors is built.",
            until=("building index", "✓ indexes"),
        ),
        Step(caption="All is in place: in step, a few milliseconds behind.", until=("✓ indexes",)),
        Step(
            caption="Tables: rows copied, and changes since, by kind.", keys=("2",), until=("▸2 Tables",), undo=("1",)
        ),
        Step(caption="Charts: latency and rate.", keys=("3",), until=("▸3 Charts",), undo=("2",)),
    )


def _losing_the_source(place: Workspace) -> tuple[Step, ...]:
    def stop() -> None:
        # As a power cut would: no goodbye to anyone.
        place.source.stop("immediate")

    def start() -> None:
        place.source.start()

    return (
        Step(
            caption="Now the source crashes: its server is really killed.",
            act=stop,
            keys=("1",),
            until=("source down",),
        ),
        Step(caption="What is down, since when, what the server says, and when it is tried again."),
        Step(
            caption="The server is started again, and the task goes on by itself.",
            act=start,
            until=("● in step",),
        ),
        Step(caption="Every fact stays in the log.", keys=("4",), until=("▸4 Log",), undo=("1",)),
    )


def _comparing(place: Workspace, writer: Writer) -> tuple[Step, ...]:
    def stop_writing() -> None:
        writer.stop()
        wait_for(_task(), "caught-up", LONGEST_SECONDS)

    def compare_ends() -> str:
        with place.source.connect(DATABASE) as source, place.destination.connect(DATABASE) as destination:
            return "\n".join(comparison_lines(compare(source, destination)))

    return (
        Step(
            caption="The application stops. S sets the sequences, which no stream carries.",
            act=stop_writing,
            keys=("S", "y"),
            until=("sequences were moved",),
        ),
        Step(
            caption="From here on an application could write to the destination.",
            keys=("escape",),
            until=("▸4 Log",),
        ),
        Step(
            caption="Both ends, compared row by row: nothing was lost, nothing doubled.",
            act=compare_ends,
            shows="Both ends, compared row by row",
            until=("No difference", "DIFFERENCES"),
        ),
    )


def _task() -> StoredTask:
    found = tasks.list_tasks()
    if not found:
        raise SyncwizardError("the tour's task is gone")
    return found[0]
