"""What writes to the demo's source while its screens are open."""

import threading
from typing import Self

from syncwizard.client import tasks
from syncwizard.demo.workload import Done, Workload
from syncwizard.demo.workspace import DATABASE, Workspace

# How often is looked for an engine that was started on the screens.
LOOK_SECONDS = 0.3


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
