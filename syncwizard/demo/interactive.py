"""The demo with screens: two servers, a knowledge base that is written to, and the wizard with everything filled in.

The servers live as long as the demo. When the screens are left it waits, so that its task can be seen to go on without
them, and be watched from another terminal.
"""

import os
import shlex
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from syncwizard.client import tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.demo import knowledge_base
from syncwizard.demo.preparation import end_engine, load, specification, where_to_look
from syncwizard.demo.report import Progress
from syncwizard.demo.workload import Done, Workload
from syncwizard.demo.workspace import DATABASE, Workspace, workspace
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui import entry as launch
from syncwizard.tui.opening import Opening

# How often is looked for an engine that was started on the screens.
LOOK_SECONDS = 0.3


def run(keep: Path | None, *, passages: int = knowledge_base.PASSAGES) -> int:
    """Prepares the servers, shows the wizard, and ends everything once that is asked for; returns the exit code.

    `keep` names a folder for the servers' data, which stay there. Raises UsageError where there is no terminal.
    """
    launch.refuse_without_terminal()
    progress = Progress()
    with workspace(keep) as place:
        progress.say(
            f"PostgreSQL {place.source.version} (source) and {place.destination.version} (destination) started"
        )
        load(place, progress, passages)
        progress.say("the wizard opens with everything filled in: F8 goes through it, and starts the task")
        with ExitStack() as stack:
            writer = stack.enter_context(Writer(place))
            stack.callback(_end_engines)
            opening = Opening(screen="wizard", draft=draft_of(place))
            while True:
                launch.run(opening, says_farewell=False, last_words=_end_engines)
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


class Writer:
    """Writes to the source as an application would, from the moment when a task has an engine."""

    def __init__(self, place: Workspace) -> None:
        self._place = place
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workload", daemon=True)
        self._workload: Workload | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_watch()
        if self._workload is not None:
            self._workload.__exit__()

    def stop(self) -> Done | None:
        """Ends the workload and says what it did; None when it did not begin."""
        self._end_watch()
        return self._workload.stop() if self._workload is not None and self._workload.running else None

    def _end_watch(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            if any(task.find_engine() for task in tasks.list_tasks()):
                # Not on the screen: what it says when it fails is in the folder.
                self._workload = Workload(
                    self._place.source.endpoint(DATABASE), log=self._place.folder / "workload.log"
                )
                return


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
