"""A pytest plugin of .ci/run: what is skipped and what is tried again is counted, and fails the run past its limit.

Load it with `-p tests.support.strict`. The skips that any machine may have stand in `.ci/allowed-skips`.
"""

import re
from pathlib import Path

import pytest

ALLOWED = Path(__file__).parents[2] / ".ci" / "allowed-skips"
# A busy machine makes a wait too short now and then; more of them hide something.
RERUNS = 3


def patterns(text: str) -> list[re.Pattern[str]]:
    """The regular expressions of a file, one a line; `#` begins a comment."""
    lines = (line.strip() for line in text.splitlines())
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def unexpected(skips: list[tuple[str, str]], allowed: list[re.Pattern[str]]) -> list[str]:
    """A line for each skip (test, reason) that no pattern allows."""
    return [f"{test}: {reason}" for test, reason in skips if not any(each.search(reason) for each in allowed)]


class Counting:
    """Counts in the process that prints the summary: reports of all workers arrive there."""

    def __init__(self) -> None:
        self.skips: list[tuple[str, str]] = []
        self.reruns: list[str] = []
        self.seeds: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes in one report."""
        if report.when == "call":
            self.seeds += [
                f"seed of {report.nodeid}: {value}" for name, value in report.user_properties if name == "seed"
            ]
        if report.outcome == "rerun":  # type: ignore[comparison-overlap]  # of pytest-rerunfailures
            self.reruns.append(report.nodeid)
        elif report.skipped and isinstance(report.longrepr, tuple):
            self.skips.append((report.nodeid, report.longrepr[2]))

    def complaints(self) -> list[str]:
        """What fails the run."""
        lines = [f"skipped: {line}" for line in unexpected(self.skips, patterns(ALLOWED.read_text()))]
        if len(self.reruns) > RERUNS:
            lines.append(f"{len(self.reruns)} tests were tried again, {RERUNS} may be: {', '.join(self.reruns)}")
        return lines

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fails a run that passed."""
        if self.complaints() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints how many there were, the seeds that were drawn, and what fails the run."""
        terminalreporter.section("skips, reruns, seeds")
        terminalreporter.line(f"{len(self.skips)} skipped, {len(self.reruns)} tried again")
        for line in self.seeds:
            terminalreporter.line(line)
        for line in self.complaints():
            terminalreporter.line(f"FAILED {line}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Counts in the one process, or in the one that the workers report to."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Counting(), "strict-counting")
