"""The way into the screens and out of them: is there a terminal to draw on, and what goes on without us.

Importing this imports no Textual: its settings are read from the environment when it is imported.
"""

import os
import shlex
import sys
from collections.abc import Callable

from syncwizard.client.tasks import StoredTask, list_tasks
from syncwizard.errors import SyncwizardError, UsageError
from syncwizard.task.text import clean_lines
from syncwizard.tui.opening import Leaving, Opening
from syncwizard.tui.read_only import is_served

# Set by --no-mouse, for every way into the screens: the terminal's own selection works then, and no move of the pointer
# crosses a slow line.
NO_MOUSE = "SYNCWIZARD_NO_MOUSE"
HEADLESS = (
    "without one, use: syncwizard new --plain, status, start FILE, wait TASK, events TASK, pause TASK, resume TASK,"
    " release TASK"
)
# Defaults of Textual's that do not suit a terminal at the end of an SSH connection: every frame crosses the line.
TEXTUAL_SETTINGS = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0", "TEXTUAL_FPS": "30"}


def run(opening: Opening, *, says_farewell: bool = True, last_words: Callable[[], object] | None = None) -> Leaving:
    """Shows the screens until they are left; raises UsageError where there is no terminal for them.

    `says_farewell`: whether to say which task goes on. `last_words` is called when the terminal goes away.
    """
    refuse_without_terminal()
    for name, value in TEXTUAL_SETTINGS.items():
        os.environ.setdefault(name, value)
    from syncwizard.tui.app import SyncwizardApp

    app = SyncwizardApp(opening)
    if last_words is not None:
        app.last_words.append(last_words)
    leaving = app.run(mouse=not os.environ.get(NO_MOUSE)) or Leaving()
    if app.return_code:
        sys.exit(app.return_code)
    if says_farewell and not is_served() and leaving.reason == "quit" and (words := farewell(leaving)):
        sys.stdout.write(clean_lines(words) + "\n")
    return leaving


def refuse_without_terminal() -> None:
    """Raises UsageError unless a person sits at a terminal that can draw screens, or at a browser."""
    if is_served():
        return
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    if not all(stream is not None and stream.isatty() for stream in streams):
        raise UsageError("the screens need a terminal for input and output", remedy=HEADLESS)
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("the screens need a terminal that can place the cursor (TERM is dumb)", remedy=HEADLESS)
    encoding = getattr(sys.__stderr__, "encoding", "") or ""
    if encoding.lower().replace("-", "") != "utf8":
        raise UsageError(
            f"the screens need a terminal with UTF-8, and its locale says {encoding}",
            remedy="try: LC_ALL=C.UTF-8 syncwizard",
        )


def farewell(leaving: Leaving) -> str:
    """What goes on without the screens, and the command to come back; empty where nothing does."""
    task = leaving.task
    if task is None:
        working = [each.label for each in list_tasks() if _has_engine(each)]
        going = f"{working[0]} goes" if len(working) == 1 else f"{len(working)} tasks go"
        return f"{going} on; come back with: syncwizard" if working else ""
    back = f"syncwizard open {shlex.quote(task.label)}"
    holder = task.find_engine()
    if holder is not None and holder.purpose == "engine":
        return f"{task.label} goes on by itself (engine {holder.pid}); come back with: {back}"
    try:
        state = task.read_state().state
    except SyncwizardError as error:
        return f"{error}; come back with: {back}"
    return f"{task.label} is {state}; come back with: {back}"


def _has_engine(task: StoredTask) -> bool:
    holder = task.find_engine()
    return holder is not None and holder.purpose == "engine"
