"""Runs the items of a precheck side by side, in some threads with sessions of their own each."""

import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, TimeoutError, as_completed
from contextlib import suppress

from syncwizard.errors import EndpointError, SyncwizardError
from syncwizard.postgres.session.cancelling import cancel_until, is_busy
from syncwizard.postgres.session.trouble import DriverError, as_ours
from syncwizard.stages.context import Context
from syncwizard.stages.precheck.checkup import Checkup, Facts, ReadOnlySessions
from syncwizard.stages.precheck.registry import CONNECTIVITY, Finding, Item, must_be_accepted

# Items wait for the servers nearly all of their time; each lane is a session at both ends.
LANES = 4
POLL_SECONDS = 0.1

Outcome = Finding | None


def find(entry: Item, checkup: Checkup) -> Finding:
    """Runs the check. What the server refuses or takes too long for could not be determined, which is never passed.

    Raises EndpointError for a lost connection.
    """
    try:
        return entry.check(checkup)
    except DriverError as error:
        ours = as_ours(error, entry.ends[0] if entry.ends else "source", f"checking {entry.name}")
        if isinstance(ours, EndpointError):
            raise ours from error
        return must_be_accepted(
            f"could not be determined: {ours.detail}",
            "give the account the right to see it, or accept this item once you know that it is as it should be",
        )


class Lanes:
    """Hands out the items in their order. An item that has to come after others waits for those: they were taken
    before it, so each of them is under way or done.
    """

    def __init__(self, context: Context, entries: Sequence[Item], passed: Collection[str]) -> None:
        """`passed`: items that are known to have passed and are not among the `entries`."""
        self._context = context
        self._passed = passed
        self._left = iter(entries)
        self._next = threading.Lock()
        self._stopping = threading.Event()
        self._facts = Facts()
        self._outcomes: dict[str, Future[Outcome]] = {entry.name: Future() for entry in entries}
        self._sessions = [ReadOnlySessions(context) for _ in range(LANES)]
        self._executor = ThreadPoolExecutor(LANES, thread_name_prefix="precheck")
        self._lanes: list[Future[None]] = []
        self._entries = entries

    @property
    def unreachable(self) -> list[EndpointError]:
        """Why ends could not be used."""
        return [*self._sessions[0].errors.values()]

    def run(self) -> Iterator[tuple[Item, Finding]]:
        """The findings in the order of the items, without those of items that could not run.

        Raises Cancelled, EndpointError when a connection is lost, and whatever a defective item raises.
        """
        try:
            self._lanes = [self._executor.submit(self._work, number) for number in range(LANES)]
            for entry in self._entries:
                finding = self._wait(self._outcomes[entry.name])
                if finding is not None:
                    yield entry, finding
        finally:
            self._stop()

    def _wait(self, outcome: Future[Outcome]) -> Outcome:
        while True:
            self._context.cancellation.check()
            with suppress(TimeoutError):
                try:
                    return outcome.result(POLL_SECONDS)
                except CancelledError:
                    self._raise_defect()
                    raise

    def _raise_defect(self) -> None:
        """The error that ended a lane: there is one where an outcome was cancelled."""
        for lane in as_completed(self._lanes):
            lane.result()

    def _stop(self) -> None:
        """Ends what still runs: nothing is left to wait for it."""
        self._stopping.set()
        done = threading.Event()
        try:
            for sessions in self._sessions:
                for session in sessions.all():
                    if is_busy(session):
                        cancel_until(done, session)
            self._executor.shutdown()
        finally:
            done.set()
            for sessions in self._sessions:
                sessions.close()

    def _work(self, number: int) -> None:
        if number and not self._open(self._sessions[number]):
            return
        while entry := self._take():
            outcome = self._outcomes[entry.name]
            try:
                outcome.set_result(self._find(entry, number))
            except (DriverError, SyncwizardError) as error:
                outcome.set_exception(error)
            finally:
                # After a defect, which ends this lane: what waits for the outcome must not do so for ever.
                outcome.cancel()

    def _open(self, sessions: ReadOnlySessions) -> bool:
        """Whether this lane has its sessions; where the server allows no more of them the other lanes do its work."""
        # A wrong password is tried once, not once a lane.
        for name in CONNECTIVITY.values():
            if name in self._outcomes and not self._is_sound(name):
                return False
        try:
            sessions.get("source")
            sessions.get("destination")
        except (DriverError, EndpointError):
            return False
        return True

    def _take(self) -> Item | None:
        with self._next:
            return None if self._stopping.is_set() else next(self._left, None)

    def _find(self, entry: Item, number: int) -> Outcome:
        """The finding; None when what the item depends on was not found, whose reason is an item of its own."""
        if not all(name in self._passed or self._is_sound(name) for name in entry.needs):
            return None
        return find(entry, Checkup(self._context, self._sessions[number], self._facts))

    def _is_sound(self, name: str) -> bool:
        outcome = self._outcomes.get(name)
        if outcome is None:
            return False
        try:
            finding = outcome.result()
        except (CancelledError, DriverError, SyncwizardError):
            return False
        return finding is not None and finding.verdict != "failed"
