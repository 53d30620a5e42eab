"""The demo with screens: two servers, a knowledge base that is written to, and the wizard with everything filled in.

The servers live as long as the demo. When the screens are left it waits, so that its task can be seen to go on without
them, and be watched from another terminal.
"""

import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

from syncwizard.client import tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.demo import knowledge_base
from syncwizard.demo.preparation import end_engine, load, specification, where_to_look
from syncwizard.demo.report import Progress
from syncwizard.demo.tour import tour_of
from syncwizard.demo.workload import Done
from syncwizard.demo.workspace import Workspace, workspace
from syncwizard.demo.writer import Writer
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui import entry as launch
from syncwizard.tui.opening import Opening


def run(keep: Path | None, *, passages: int = knowledge_base.PASSAGES, pace: float | None = None) -> int:
    """Prepares the servers, shows the wizard, and ends everything once that is asked for; returns the exit code.

    `keep` names a folder for the servers' data, which stay there; with a `pace` the screens walk through themselves
    (1 is for reading, 0 waits for nothing but the program). Raises UsageError where there is no terminal.
    """
    launch.refuse_without_terminal()
    progress = Progress()
    with workspace(keep) as place:
        progress.say(
            f"PostgreSQL {place.source.version} (source) and {place.destination.version} (destination) started"
        )
        load(place, progress, passages)
        if pace is None:
            progress.say("the wizard opens with everything filled in: F8 goes through it, and starts the task")
        with ExitStack() as stack:
            writer = stack.enter_context(Writer(place))
            stack.callback(_end_engines)
            if pace is None:
                opening = Opening(screen="wizard", draft=draft_of(place))
            else:
                opening = Opening(screen="tasks", tour=tour_of(place, writer, pace))
            while True:
                launch.run(opening, says_farewell=False, last_words=_end_engines)
                # A tour may have been left while it was stopped.
                place.source.start()
                opening = Opening(screen="tasks")
                if not _wants_to_come_back():
                    break
            _say_what_ends(_end_engines(), writer.stop())
    if keep is not None:
        print(where_to_look(place))
    return 0


def draft_of(place: Workspace) -> TaskDraft:
    """The demo's task, as the wizard shows it."""
    return TaskDraft.from_spec(specification(place))


def _wants_to_come_back() -> bool:
    """Waits for a word, where a task is left to come back to."""
    left = [task for task in tasks.list_tasks() if task.read_state().state != "released"]
    if not left:
        return False
    places = " ".join(f"{name}={shlex.quote(os.environ[name])}" for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"))
    names = " and ".join(task.label for task in left)
    print(
        f"The screens are left; the demo's servers, its workload and the task {names} are not.\n"
        f"From another terminal: {places} syncwizard open {shlex.quote(left[0].label)}\n"
        "Enter opens the screens again; q and Enter, or Ctrl-C, ends the demo.",
        file=sys.stderr,
    )
    try:
        word = sys.stdin.readline()
    except (OSError, KeyboardInterrupt):
        return False
    # Nothing at all is the end of the terminal.
    return word.strip() == "" and word != ""


def _end_engines() -> list[StoredTask]:
    """Pauses what runs: its servers are about to stop. The tasks that ran."""
    return [task for task in tasks.list_tasks() if end_engine(task)]


def _say_what_ends(ended: list[StoredTask], done: Done | None) -> None:
    if done is not None:
        print(f"The workload has ended after {done.transactions:,} transactions.", file=sys.stderr)
    for task in ended:
        print(
            f"The task {task.label} is paused: the demo's servers stop with the demo."
            " A task between servers of your own goes on when its screens are left.",
            file=sys.stderr,
        )
