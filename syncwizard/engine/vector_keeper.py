"""Vector indexes under a backlog: says where building them anew would be quicker, or does it, as the task asks for.

An index takes each new row at many times the cost of a build, and readers miss it while it is away: so it is dropped in
silence by no default.
"""

import logging
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from syncwizard.errors import Cancelled, SyncwizardError, UsageError
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed
from syncwizard.task.figures.backlog import SMALL_BYTES, awaited_changes, worth_rebuilding
from syncwizard.task.figures.sample import Sample
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName
from syncwizard.task.text import counted

if TYPE_CHECKING:
    # It imports what makes definitions, which an engine that only follows changes does without.
    from syncwizard.stages.definitions.postponing import VectorTable

log = logging.getLogger(__name__)

# Of one table, before a judgement: the first of a backlog may be unlike the rest.
LEAST_DONE = 200
# After trouble.
AGAIN_SECONDS = 30.0


class VectorKeeper:
    """In the engine; its clock looks each second. The destination is asked in a thread, one at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._policy = context.spec.advanced.vector_indexes
        self._thread: threading.Thread | None = None
        self._from: tuple[int, Mapping[str, int]] | None = None
        self._settled: set[str] = set()
        self._tables: Mapping[str, VectorTable] | None = None
        self._not_before = 0.0

    def look(self, sample: Sample) -> None:
        """Looks at the state and at the figures as they came last."""
        state = self._context.state()
        if state.state != "synchronizing" or not state.finished("indexes") or state.beside is not None:
            self._from = None
            return
        if sample.applied_lsn is None or sample.source_lsn is None:
            return
        if self._at_work or time.monotonic() < self._not_before:
            return
        applied = parse_lsn(sample.applied_lsn)
        left = parse_lsn(sample.source_lsn) - applied
        if left <= SMALL_BYTES:
            self._from = self._tables = None
            self._settled.clear()
            if any(each.postponed for each in state.missing_definitions):
                self._begin(self._rebuild)
        elif self._policy != "keep":
            self._look_at_backlog(applied, left, _written(sample.changes or {}))

    def order(self, tables: Sequence[TableName]) -> None:
        """Drops the vector indexes of these tables of the source now. Raises UsageError, also for one without any."""
        from syncwizard.stages.definitions import postponing

        if not self._context.state().finished("indexes"):
            raise UsageError("the indexes are still being built", remedy="wait until that is done")
        if self._context.state().beside is not None:
            raise UsageError("tables are being copied by another task", remedy="wait until that is done")
        if self._at_work:
            raise UsageError("vector indexes are being dropped or built", remedy="wait until that is done")
        postponing.check_rebuildable(self._context, tables)
        self._begin(lambda: self._drop(dict.fromkeys(tables, "by order")))

    def _look_at_backlog(self, applied: int, left: int, written: Mapping[str, int]) -> None:
        if self._from is None or any(number < self._from[1].get(table, 0) for table, number in written.items()):
            # A child that was replaced counts from its own beginning.
            self._from = (applied, dict(written))
            return
        since, before = self._from
        done = {table: number - before.get(table, 0) for table, number in written.items() if table not in self._settled}
        awaited = {
            table: awaited_changes(number, applied - since, left)
            for table, number in done.items()
            if number >= LEAST_DONE
        }
        if any(worth_rebuilding(0, number) for number in awaited.values()):
            if self._tables is None:
                self._begin(self._read_tables)
            else:
                self._judge(awaited, self._tables)

    def _judge(self, awaited: Mapping[str, int], tables: Mapping[str, "VectorTable"]) -> None:
        due = {
            table: number
            for table, number in awaited.items()
            if table in tables and worth_rebuilding(tables[table].rows, number)
        }
        self._settled |= due.keys()
        if due and self._policy == "rebuild":
            reasons = {
                self._context.state().table_name(table): f"about {counted(number, 'change')} are to be applied"
                for table, number in due.items()
            }
            self._begin(lambda: self._drop(reasons))
        elif due:
            self._advise(due)

    def _read_tables(self) -> None:
        from syncwizard.stages.definitions import postponing

        with self._context.destination("definitions") as destination:
            found = postponing.read_vector_tables(self._context, destination)
        self._tables = {str(table): known for table, known in found.items()}

    def _advise(self, due: Mapping[str, int]) -> None:
        waiting = [f"{table} (about {counted(number, 'change')})" for table, number in due.items()]
        names = " ".join(f"--rebuild {shlex.quote(table)}" for table in due)
        self._context.record(
            Noticed(
                level="warning",
                message="vector indexes are built more quickly than they take the changes of a backlog: "
                + ", ".join(waiting),
                remedy=to_do(
                    "where readers can do without these indexes meanwhile, have them dropped now and built again once"
                    f" the backlog is applied: syncwizard definitions {shlex.quote(self._context.spec.name)} {names}"
                ),
            )
        )

    def _drop(self, reasons: Mapping[TableName, str]) -> None:
        from syncwizard.stages.definitions import postponing

        with self._context.destination("definitions") as destination:
            for table, why in reasons.items():
                postponing.postpone_of(self._context, destination, [table], why)

    def _rebuild(self) -> None:
        from syncwizard.stages.definitions import postponing

        postponing.rebuild(self._context)

    @property
    def _at_work(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _begin(self, work: Callable[[], None]) -> None:
        def body() -> None:
            try:
                work()
            except Cancelled:
                pass
            except SyncwizardError as error:
                log.warning("vector indexes: %s", error)
                self._not_before = time.monotonic() + AGAIN_SECONDS
                self._context.record(
                    Noticed(level="warning", message=f"vector indexes stay as they are: {error}", remedy=error.remedy)
                )

        self._thread = threading.Thread(target=body, name="vector indexes", daemon=True)
        self._thread.start()


def _written(changes: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """New row versions by table: a deleted row costs an index nothing."""
    return {table: kinds.get("insert", 0) + kinds.get("update", 0) for table, kinds in changes.items()}
