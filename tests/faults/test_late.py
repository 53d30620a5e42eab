"""Which link of the chain is slow: a source that gets no processor, and a network that passes nothing on."""

import os
import signal
from pathlib import Path

import pytest

from syncwizard.postgres.source.slot import slot_status
from tests.faults.conftest import Network
from tests.faults.running import RunningTask, running
from tests.integration.test_explain import TABLES, cause
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# More than what is on its way, and than what the buffers of a connection hold.
MUCH = "UPDATE one SET body = repeat('z', 200000)"


def test_a_slow_source_is_told_from_a_network_that_is_slow(network: Network, tmp_path: Path, state_home: Path) -> None:
    pair = network.pair
    with running(pair, tmp_path, TABLES, **network.ends) as task:
        task.start()
        task.follow()
        # A walsender that gets no processor.
        sender = reader(task)
        os.kill(sender, signal.SIGSTOP)
        try:
            pair.source.execute(MUCH)
            slow = cause(task, "source")
            assert f"the walsender (process {sender})" in slow["sentence"]
        finally:
            os.kill(sender, signal.SIGCONT)
        task.converged()

        # A network that passes nothing on of the stream; what explain asks goes another way through it.
        trap = network.source.catch_answer(b"zzzzzzzz", b"replication")
        pair.source.execute(MUCH)
        trap.wait("the stream to be held back")
        slow = cause(task, "network")
        assert f"(process {reader(task)}) waits for Client:WalSenderWriteData" in slow["sentence"]
        trap.let_go()
        task.converged()
        task.pause()


def reader(task: RunningTask) -> int:
    """The walsender of the task, once there is one."""

    def found() -> int | None:
        status = slot_status(task.pair.source, task.slot)
        return status.active_pid if status is not None else None

    return until(found, 30, "a session to read the slot")
