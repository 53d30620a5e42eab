"""The command, the applier or sessions of a switchover die: writes move, or go on at the source; none is lost."""

from pathlib import Path

import pytest

from syncwizard.task.specification import PrecheckSettings
from tests.faults import processes
from tests.faults.running import running
from tests.support.bank import TABLES, Bank
from tests.support.commands import spawn, syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ACCEPTED = PrecheckSettings(ignore=["replica-identity", "local-values"])


def test_the_engine_ends_a_switchover_whose_command_and_applier_were_killed(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TABLES, precheck=ACCEPTED) as task:
        task.start()
        syncwizard("wait", task.name, "--until", "indexed")
        applier = task.follow()
        with Bank(pair.source_address).open() as bank:
            bank.go_on()
            command = spawn("switchover", task.name, "--yes")

            def fenced() -> bool:
                known = task.state.switchover
                return known is not None and known.fence is not None

            until(fenced, 60, "the fence to be raised")
            processes.kill(command.pid)
            processes.kill(applier)
            # A session of the task's own is lost as well: the steps need new ones.
            with pair.source_cluster.connect("postgres") as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = %s AND application_name LIKE 'syncwizard %% switchover'",
                    (pair.database,),
                )
            command.communicate(timeout=60)

            def over() -> bool:
                known = task.state.switchover
                return known is not None and not known.pending

            until(over, 120, "the switchover to end without its command")
            known = task.state.switchover
            assert known is not None
            if known.undone:
                # The session that raised the fence was the one that was lost.
                syncwizard("switchover", task.name, "--yes")
            bank.address = pair.destination_address
            bank.go_on()
        assert task.state.state == "switched"
        bank.check(pair.destination)
        pair.reconnect()
