"""The limits that .ci/run sets to what is skipped and what is tried again."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.strict import ALLOWED, patterns, unexpected

ROOT = Path(__file__).parents[2]
LATE = """
import pytest

tried = []

@pytest.mark.parametrize("number", range({count}))
def test_late(number):
    tried.append(number)
    assert tried.count(number) > 1, "not within 1 s: it"
"""
SKIPPED = """
import pytest

def test_skipped():
    pytest.skip({reason!r})
"""


def run(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """A run of the text as a test's file, as .ci/run has it."""
    (folder / "test_it.py").write_text(text)
    options = [
        "-c",
        "/dev/null",
        "--rootdir",
        folder,
        "-n",
        "1",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.support.strict",
    ]
    again = ["--reruns", "1", "--only-rerun", "not within [0-9.]+ s: "]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, options), *again, folder / "test_it.py"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "reason", "code", "words"),
    [
        (3, "only root can mount a disk", 0, ["1 skipped, 3 tried again"]),
        (
            4,
            "no PostgreSQL with TLS on this machine",
            1,
            ["4 tests were tried again, 3 may be", "test_skipped: Skipped: no PostgreSQL with TLS"],
        ),
    ],
    ids=["within", "past"],
)
def test_a_run_fails_past_its_limits(tmp_path: Path, count: int, reason: str, code: int, words: list[str]) -> None:
    done = run(tmp_path, LATE.format(count=count) + SKIPPED.format(reason=reason))
    assert [each for each in words if each not in done.stdout] == [], done.stdout + done.stderr
    assert done.returncode == code


def test_the_file_of_allowed_skips_names_reasons_one_by_one() -> None:
    allowed = patterns(ALLOWED.read_text())
    assert 0 < len(allowed) < 10
    assert unexpected([("a", "Skipped: there is no C compiler to make another clock with")], allowed) != []
