"""Tries missing definitions again beside the stream of a running engine, in a thread, one order at a time."""

import logging
import shlex
import threading

from syncwizard.errors import Cancelled, SyncwizardError, UsageError
from syncwizard.stages.context import Context
from syncwizard.task.events import DefinitionsRetried, Noticed

log = logging.getLogger(__name__)


class Retrier:
    """One thread at most; each ends with a DefinitionsRetried event, or with the engine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begins to try again; an order while that goes on joins it. Raises UsageError while the stage is at work."""
        if not self._context.state().finished("indexes"):
            name = shlex.quote(self._context.spec.name)
            remedy = f"wait until that is done: syncwizard wait {name} --until indexed"
            raise UsageError("definitions are still being created", remedy=remedy)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="definitions", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        from syncwizard.stages.definitions import retrying

        try:
            retrying.run(self._context)
        except Cancelled:
            pass
        except SyncwizardError as error:
            log.warning("definitions could not be tried again: %s", error)
            self._context.record(
                Noticed(level="warning", message=f"definitions could not be tried again: {error}", remedy=error.remedy)
            )
            refused = len(self._context.state().missing_definitions)
            self._context.record(DefinitionsRetried(created=0, refused=refused))
