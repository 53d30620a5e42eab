"""What works beside the pipeline of an engine, by the clock or by order of a client, and what excludes what."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from syncwizard.engine.control import Handler
from syncwizard.engine.copy_beside import CopyBesideKeeper
from syncwizard.engine.copy_keeper import CopyKeeper
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.protocol import Answer, Command, CommandName
from syncwizard.engine.retrying import Retrier
from syncwizard.engine.reversing import Reverse
from syncwizard.engine.switching import Switcher
from syncwizard.engine.throttle_keeper import ThrottleKeeper
from syncwizard.engine.vector_keeper import VectorKeeper
from syncwizard.engine.verification_keeper import VerificationKeeper
from syncwizard.engine.verifying import Verifier
from syncwizard.errors import UsageError
from syncwizard.remedies import Remedy
from syncwizard.stages.context import Context
from syncwizard.task.copying_beside import is_copied_beside
from syncwizard.task.events import CopyBesideOrdered, Level, ResyncRequested
from syncwizard.task.handover import Handover
from syncwizard.task.limiting import InForce, describe_throttle


class Beside:
    """Comparisons, switchovers, limits, copies of what was set aside, missing definitions and vector indexes."""

    def __init__(
        self,
        context: Context,
        metrics: Metrics,
        secrets: Handover,
        folder: Path,
        *,
        copy_again: Callable[[ResyncRequested], None],
        take_limits: Callable[[InForce], None],
        switched: Callable[[], None],
        notice: Callable[[Level, str], None],
    ) -> None:
        """`copy_again` and `take_limits` take what was decided; `switched`: the task has come to its end."""
        advanced = context.spec.advanced
        self._metrics = metrics
        self._notice = notice
        self._throttle = ThrottleKeeper(advanced.throttle, advanced.class_, folder, take_limits)
        self._retrier = Retrier(context)
        self._vectors = VectorKeeper(context)
        self._verifier = Verifier(context)
        self._verifications = VerificationKeeper(context, self._verifier)
        self._context = context
        self._carry_out = copy_again
        self._copies = CopyKeeper(context, self._copy_again)
        self._copies_beside = CopyBesideKeeper(context, secrets, folder, copy_again)
        self._switcher = Switcher(context, metrics.merged, Reverse(folder, secrets), switched)

    def begin(self) -> None:
        """Goes on with what an earlier engine was at."""
        if not self._switcher.interrupted:
            self._verifier.go_on()

    def look(self, *, pausing: bool) -> None:
        """Looks at the clock; each second."""
        self._throttle.look()
        self._vectors.look(self._metrics.latest())
        self._verifications.look(busy=self._switcher.at_work)
        busy = self._switcher.at_work or self._verifier.at_work or pausing
        self._copies.look(busy=busy)
        self._copies_beside.look(busy=busy)

    def end(self) -> None:
        """Waits for a switchover that is being undone, and pauses the task that copies tables for this one."""
        self._switcher.end()
        self._copies_beside.end()

    def _copy_again(self, order: ResyncRequested) -> None:
        """Of tables that are set aside already."""
        if is_copied_beside(self._context.spec, self._context.state(), order):
            self._context.record(CopyBesideOrdered(order=order))
        else:
            self._carry_out(order)

    def check_pausable(self) -> None:
        """Raises UsageError while a switchover is at work."""
        if self._switcher.at_work:
            raise UsageError("a switchover is at work", remedy="wait for its end, or undo it: switchover TASK --undo")

    @property
    def commands(self) -> Mapping[CommandName, Handler]:
        """What carries out the orders of clients."""
        return {
            "retry-definitions": self._retry_definitions,
            "rebuild-indexes": self._rebuild_indexes,
            "throttle": self._change_throttle,
            "verify": self._verify,
            "stop-verification": self._stop_verification,
            "switchover": self._switchover,
            "undo-switchover": self._undo_switchover,
        }

    async def _retry_definitions(self, command: Command) -> Answer:
        self._retrier.begin()
        return Answer(id=command.id)

    async def _rebuild_indexes(self, command: Command) -> Answer:
        await asyncio.to_thread(self._vectors.order, command.tables)
        return Answer(id=command.id)

    async def _change_throttle(self, command: Command) -> Answer:
        if command.throttle is None:
            raise UsageError("the command does not name limits")
        throttle, size = command.throttle.throttle, command.throttle.size
        self._throttle.change(throttle, size)
        self._notice("info", f"other limits: {describe_throttle(throttle, size)}")
        return Answer(id=command.id)

    async def _verify(self, command: Command) -> Answer:
        if command.verification is None:
            raise UsageError("the command says not what to compare")
        if self._switcher.at_work:
            raise UsageError("a switchover is at work", remedy=Remedy(then="status"))
        self._verifier.begin(command.verification)
        return Answer(id=command.id)

    async def _stop_verification(self, command: Command) -> Answer:
        self._verifier.stop()
        return Answer(id=command.id)

    async def _switchover(self, command: Command) -> Answer:
        if command.switchover is None:
            raise UsageError("the command says not how to switch over")
        if self._verifier.at_work:
            raise UsageError("a verification is at work", remedy="wait for its end, or stop it: verify TASK --stop")
        self._switcher.begin(command.switchover)
        return Answer(id=command.id)

    async def _undo_switchover(self, command: Command) -> Answer:
        self._switcher.undo()
        return Answer(id=command.id)
