"""Many faults in a row: `python -m tests.faults --seed 1 --kills 100`, or `--minutes 15`.

Exit code 5 on a difference or a torn read.

`--kills` kills the engine and its children, and copies tables again after changes were lost. With `--servers`, servers
are restarted, sessions terminated, processes stopped and settings reloaded between the kills. `--minutes` chooses among
all of that and restores servers, too, in an order that is drawn; `--seed` with the number that was printed draws it
again.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

from syncwizard.demo.servers import Cluster
from tests.faults.faults import KILLS, PAUSE, PHASES, SERVERS, Blow, Fault, strike, strike_resync
from tests.faults.harness import LONG, SHORT, Findings, Phase, Scale, Trial, databases, trial
from tests.faults.losses import LOSSES, RESTORES
from tests.faults.reloads import RELOADED
from tests.faults.stopped import LONG_STOPS, STOPS
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
    """Strikes until it is enough, task after task over one pair of servers."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="chooses moments, victims and the workload; drawn by itself, else")
    parser.add_argument("--kills", type=int, default=100, help="how many processes are killed")
    parser.add_argument("--servers", action="store_true", help="strike at the servers and by settings, too")
    parser.add_argument("--minutes", type=float, help="instead: all kinds of faults for that long, in any order")
    parser.add_argument("--short", action="store_true", help="with few rows to copy, for a machine with little time")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    make_plain()
    with temporary_folder(on_disk=True) as folder:
        os.environ.update(fresh_home(folder))
        with (
            Cluster(folder / "source", 16, durable=False).create().start() as source,
            Cluster(folder / "destination", 18, durable=False).create().start() as destination,
        ):
            marathon = Marathon(source, destination, folder, seed, SHORT if options.short else LONG)
            if options.minutes is not None:
                return marathon.run_for(options.minutes)
            return marathon.run(options.kills, servers=options.servers)


class Marathon:
    """Tasks one after the other, each struck several times."""

    def __init__(self, source: Cluster, destination: Cluster, folder: Path, seed: int, scale: Scale) -> None:
        self._source = source
        self._destination = destination
        self._folder = folder
        self._scale = scale
        self._choice = random.Random(seed)
        self._began = time.monotonic()
        self._blows: Counter[Phase] = Counter()
        self._kinds: Counter[str] = Counter()
        self._findings: list[Findings] = []
        self._say(f"seed {seed}")

    def run(self, kills: int, *, servers: bool) -> int:
        """Returns the exit code."""
        more = [*SERVERS, *STOPS, *RELOADED.values()] if servers else []
        faults = {phase: [*those, *more] for phase, those in KILLS.items()}
        while (left := kills - self._blows.total()) > 0:
            self._torment(PER_TASK[:left], faults, LOSSES)
        return self._summary()

    def run_for(self, minutes: float) -> int:
        """Returns the exit code."""
        more = [*SERVERS, PAUSE, *STOPS, *RELOADED.values()]
        faults = {phase: [*those, *more] for phase, those in KILLS.items()}
        # One in a while: in all the time of a long stop nothing else happens.
        faults["steady"] += [self._choice.choice(LONG_STOPS)]
        end = self._began + 60 * minutes
        while time.monotonic() < end:
            self._torment(self._draw(), faults, [*LOSSES, *RESTORES, *RESTORES], end)
        return self._summary()

    def _draw(self) -> list[Phase]:
        """The life of a task."""
        choice = self._choice
        phases: list[tuple[Phase, int]] = [("full", choice.randint(0, 3)), ("before sync point", choice.randint(0, 2))]
        later: list[Phase] = choice.choices(["steady", "resync"], (2, 1), k=choice.randint(4, 12))
        return [phase for phase, times in phases for _ in range(times)] + later

    def _torment(
        self, wanted: list[Phase], faults: dict[Phase, list[Fault]], losses: list[Fault], end: float = float("inf")
    ) -> None:
        """One task, which is struck in each of the phases until the time is over."""
        number = len(self._findings) + 1
        with databases(self._source, self._destination, f"faults_{number}", self._scale) as pair:
            with trial(pair, self._folder, f"faults-{number}", self._scale, self._choice.randrange(1 << 30)) as made:
                for phase in wanted:
                    if time.monotonic() > end:
                        break
                    blow = self._strike(made, phase, self._choice.choice(faults[phase]), self._choice.choice(losses))
                    if blow.hit is not None:
                        self._blows[blow.phase] += 1
                        self._kinds.update(blow.fault.split(", "))
                    self._say(f"{self._blows.total():>4}  {blow}")
            self._findings.append(made.findings)
        found = made.findings
        self._say(f"task {number}: {found.transactions:,} transactions, {found.looks:,} looks: {found}")

    def _strike(self, made: Trial, phase: Phase, fault: Fault, loss: Fault) -> Blow:
        if phase == "resync":
            return strike_resync(made, loss, fault, self._choice)
        return strike(made, fault, phase, self._choice)

    def _summary(self) -> int:
        findings = self._findings
        phases = ", ".join(f"{self._blows[phase]} {phase}" for phase in [*PHASES, "resync"])
        dirty = [found for found in findings if not found.clean]
        for kind, times in sorted(self._kinds.items()):
            self._say(f"{times:>4}  {kind}")
        self._say(
            f"{self._blows.total()} blows ({phases}), {len(findings)} tasks,"
            f" {sum(found.transactions for found in findings):,} transactions at the source,"
            f" {sum(found.looks for found in findings):,} looks at the destination: "
            + (f"{len(dirty)} tasks went wrong" if dirty else "no difference, no torn read")
        )
        return DIFFERENT if dirty else 0

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
