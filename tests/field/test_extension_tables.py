"""Tables of extensions that come with rows (m10, m10b, p10): made by the extension, users' rows by the task."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.errors import PrecheckNotPassed
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.stages.full import stage as full
from syncwizard.task.events import DefinitionMissing, Noticed
from tests.support.comparison import assert_equal
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath

SCRIPT = """
CREATE TABLE systems (srid int PRIMARY KEY CHECK (srid > 0), text text);
INSERT INTO systems SELECT g, 'of the extension' FROM generate_series(2000, 2010) g;
SELECT pg_catalog.pg_extension_config_dump('systems', 'WHERE NOT (srid BETWEEN 2000 AND 2010)');
CREATE TABLE settings (name text PRIMARY KEY, value text);
SELECT pg_catalog.pg_extension_config_dump('settings', '');
CREATE TABLE internal (n int PRIMARY KEY);
INSERT INTO internal VALUES (1);
"""
SOURCE = """
CREATE EXTENSION surveying;
CREATE TABLE places (id int PRIMARY KEY, srid int REFERENCES systems);
INSERT INTO systems VALUES (990001, 'own');
INSERT INTO settings VALUES ('unit', 'm');
INSERT INTO places VALUES (1, 990001), (2, 2001);
"""


@pytest.fixture
def surveying(twins18: DatabasePair, server_folder: Path) -> Iterator[DatabasePair]:
    """Two databases that can have the extension `surveying`."""
    folder = server_folder / twins18.database
    (folder / "extension").mkdir(parents=True)
    (folder / "extension" / "surveying.control").write_text("default_version = '1.0'\nrelocatable = true\n")
    (folder / "extension" / "surveying--1.0.sql").write_text(SCRIPT)
    for path in (folder, folder / "extension", *(folder / "extension").iterdir()):
        path.chmod(0o755)
    for name in (twins18.database, twins18.destination_database):
        path_setting = f"ALTER DATABASE {name} SET extension_control_path = '$system:{folder}'"
        twins18.source.execute(path_setting.encode())
    twins18.reconnect()
    yield twins18
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("beforehand", [False, True], ids=["by the task", "beforehand"])
def test_an_extensions_tables_are_filled_by_it_and_with_the_users_rows(
    surveying: DatabasePair, tmp_path: Path, beforehand: bool
) -> None:
    pair = surveying
    pair.source.execute(SOURCE)
    if beforehand:
        pair.destination.execute("CREATE EXTENSION surveying")
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    context = path.context()
    for stage in (precheck, capture, schema, full, keys):
        stage.run(context)
    notes = [event.message for event in path.task.events if isinstance(event, Noticed)]
    assert any("left to the extensions" in note and "public.internal" in note for note in notes)
    with path.following():
        path.caught_up()
    for later in (constraints, indexes):
        later.run(path.context())
    with path.following():
        pair.source.execute("INSERT INTO systems VALUES (990002, 'later'); UPDATE settings SET value = 'km'")
        path.caught_up()
    assert_equal(pair)
    assert not [event for event in path.task.events if isinstance(event, DefinitionMissing)]


@pytest.mark.slow
def test_a_copy_that_begins_again_leaves_the_extensions_rows(surveying: DatabasePair, tmp_path: Path) -> None:
    pair = surveying
    pair.source.execute(SOURCE)
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    context = path.context()
    for stage in (capture, schema, full):
        stage.run(context)
    pair.destination.execute("UPDATE syncwizard.tables SET generation = generation + 1, pair_lsn = '0/0'")
    pair.destination.execute("DELETE FROM syncwizard.chunks")
    pair.source.execute("DELETE FROM places WHERE id = 1; DELETE FROM systems WHERE srid = 990001")
    full.run(path.context())
    assert_equal(pair)


def test_rows_of_users_that_are_there_already_are_named(surveying: DatabasePair, tmp_path: Path) -> None:
    pair = surveying
    pair.source.execute(SOURCE)
    pair.destination.execute("CREATE EXTENSION surveying; INSERT INTO systems VALUES (990003, 'of the destination')")
    run = TaskRun(pair.spec(), tmp_path)
    with pytest.raises(PrecheckNotPassed):
        precheck.run(run.context())
    failed = {item.item: item.message for item in run.state.precheck if item.verdict == "failed"}
    assert set(failed) == {"same-named-tables"}
    assert "public.systems" in str(failed)
