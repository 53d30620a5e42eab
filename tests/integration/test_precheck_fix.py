"""`precheck --fix`: what an item advises is run after a question, and everything is checked again. And JUnit."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from syncwizard.task import file
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

SLOT = "dts_sync_00c0ffee00aa"


@pytest.fixture
def path(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[Path]:
    """A task file whose source has the slot of a task that is gone."""
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    pair.source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
    spec = tmp_path / "kb.yaml"
    file.save(pair.spec(name="kb"), spec)
    yield spec
    pair.source.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", (SLOT,)
    )


def slot_exists(pair: DatabasePair) -> bool:
    return bool(pair.source.execute("SELECT FROM pg_replication_slots WHERE slot_name = %s", (SLOT,)).rowcount)


def test_what_an_item_advises_is_run_once_it_was_agreed_to(pair: DatabasePair, path: Path, tmp_path: Path) -> None:
    refused = syncwizard("precheck", path, "--fix", "leftover-slots", expect=2).stderr
    assert f"pg_drop_replication_slot('{SLOT}')" in refused and "add --yes" in refused and slot_exists(pair)
    stranger = syncwizard("precheck", path, "--fix", "leftover-slots", "--yes", "--as", "nobody_here", expect=4).stderr
    assert "nobody_here" in stranger and slot_exists(pair)

    report = tmp_path / "precheck.xml"
    done = syncwizard("precheck", path, "--fix", "leftover-slots", "--yes", "--junit", report)
    assert "1 statement was run" in done.stderr and not slot_exists(pair)
    cases = {case.attrib["name"]: case for case in ElementTree.parse(report).getroot()}
    assert cases["leftover-slots"].find("*") is None and cases["wal-level"].attrib["classname"] == "precheck"
    again = syncwizard("precheck", path, "--fix", "leftover-slots", "--yes").stderr
    assert "leftover-slots: passed already, nothing is run" in again


def test_items_without_statements_and_items_that_do_not_exist_are_refused(
    pair: DatabasePair, path: Path, tmp_path: Path
) -> None:
    assert "did you mean `leftover-slots`?" in syncwizard("precheck", path, "--fix", "leftover-slot", expect=2).stderr
    pair.source.execute(f"ALTER DATABASE {pair.database} SET work_mem = '77MB'".encode())
    assert "no statement that could be run" in syncwizard("precheck", path, "--fix", "parameters", expect=2).stderr
    pair.source.execute("ALTER TABLE t DROP CONSTRAINT t_pkey")
    report = tmp_path / "precheck.xml"
    syncwizard("precheck", path, "--junit", report, expect=3)
    root = ElementTree.parse(report).getroot()
    assert root.attrib["failures"] == "1"
    [failure] = root.iterfind("testcase/failure")
    assert "public.t" in failure.attrib["message"]
