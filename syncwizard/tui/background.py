"""Blocking work beside the screens, in threads: a stuck server does not keep the screens from closing."""

import threading
from collections.abc import Callable
from typing import TypeVar

from textual.dom import DOMNode

from syncwizard.errors import SyncwizardError

Result = TypeVar("Result")


def in_background(
    node: DOMNode,
    work: Callable[[], Result],
    done: Callable[[Result], object],
    failed: Callable[[SyncwizardError], object],
) -> None:
    """Runs `work` in a thread; then `done` with its result, or `failed` with its error, where widgets may be touched.

    `node` is asked to call them; once it is gone nothing is called. Errors that are not ours are defects and end the
    screens with a traceback.
    """

    def run() -> None:
        try:
            result = work()
        except SyncwizardError as error:
            node.call_later(failed, error)
        except OSError as error:
            node.call_later(failed, SyncwizardError(error.strerror or str(error), where=str(error.filename or "")))
        else:
            node.call_later(done, result)

    threading.Thread(target=run, name="background", daemon=True).start()
