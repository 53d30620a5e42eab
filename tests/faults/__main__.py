"""Many kills in a row: `python -m tests.faults --seed 1 --kills 100`. Exit code 5 on a difference or a torn read.

With `--servers`, servers are restarted and sessions terminated between the kills.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from syncwizard.demo.servers import Cluster
from tests.faults.faults import KILLS, LOSSES, PHASES, SERVERS, Blow, Fault, strike, strike_resync
from tests.faults.harness import LONG, Findings, Phase, Trial, databases, trial
from tests.support.environment import fresh_home, make_plain, temporary_folder

# Kills of each phase in the life of one task: its full copy is killed more than once.
PER_TASK: list[Phase] = [
    "full",
    "full",
    "full",
    "before sync point",
    "before sync point",
    "steady",
    "steady",
    "resync",
    "steady",
    "resync",
    "steady",
]
DIFFERENT = 5


def main(arguments: list[str]) -> int:
    """Kills until enough is killed, task after task over one pair of servers."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="chooses moments, victims and the workload")
    parser.add_argument("--kills", type=int, default=100, help="how many processes are killed")
    parser.add_argument("--servers", action="store_true", help="strike at the servers, too")
    options = parser.parse_args(arguments)
    make_plain()
    with temporary_folder() as folder:
        os.environ.update(fresh_home(folder))
        with (
            Cluster(folder / "source", 16, durable=False).create().start() as source,
            Cluster(folder / "destination", 18, durable=False).create().start() as destination,
        ):
            marathon = Marathon(source, destination, folder, options.seed, SERVERS if options.servers else [])
            return marathon.run(options.kills)


class Marathon:
    """Tasks one after the other, each killed several times."""

    def __init__(self, source: Cluster, destination: Cluster, folder: Path, seed: int, more: Sequence[Fault]) -> None:
        self._source = source
        self._destination = destination
        self._folder = folder
        self._choice = random.Random(seed)
        self._more = more
        self._began = time.monotonic()
        self._kills: Counter[Phase] = Counter()
        self._findings: list[Findings] = []

    def run(self, kills: int) -> int:
        """Returns the exit code."""
        while self._kills.total() < kills:
            number = len(self._findings) + 1
            wanted = PER_TASK[: kills - self._kills.total()]
            with databases(self._source, self._destination, f"faults_{number}", LONG) as pair:
                with trial(pair, self._folder, f"faults-{number}", LONG, self._choice.randrange(1 << 30)) as made:
                    self._torment(made, wanted, kills)
                self._findings.append(made.findings)
            found = made.findings
            self._say(f"task {number}: {found.transactions:,} transactions, {found.looks:,} looks: {found}")
        return self._summary()

    def _torment(self, made: Trial, wanted: list[Phase], kills: int) -> None:
        for phase in wanted:
            blow = self._strike(made, phase)
            if blow.hit is not None:
                self._kills[blow.phase] += 1
            self._say(f"kill {self._kills.total():>3} of {kills}  {blow}")

    def _strike(self, made: Trial, phase: Phase) -> Blow:
        fault = self._choice.choice([*KILLS[phase], *self._more])
        if phase == "resync":
            return strike_resync(made, self._choice.choice(LOSSES), fault, self._choice)
        return strike(made, fault, phase, self._choice)

    def _summary(self) -> int:
        findings = self._findings
        phases = ", ".join(f"{self._kills[phase]} {phase}" for phase in [*PHASES, "resync"])
        dirty = [found for found in findings if not found.clean]
        self._say(
            f"{self._kills.total()} kills ({phases}), {len(findings)} tasks,"
            f" {sum(found.transactions for found in findings):,} transactions at the source,"
            f" {sum(found.looks for found in findings):,} looks at the destination: "
            + (f"{len(dirty)} tasks went wrong" if dirty else "no difference, no torn read")
        )
        return DIFFERENT if dirty else 0

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
