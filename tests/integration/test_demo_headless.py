"""The demo from its beginning to its exit code, with a smaller knowledge base."""

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from syncwizard.demo.headless import run
from syncwizard.errors import DifferencesFound, UsageError
from tests.support.waiting import until

pytestmark = pytest.mark.slow

PASSAGES = 800

FORGETFUL = """
CREATE FUNCTION public.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER forget BEFORE INSERT ON kb.documents FOR EACH ROW EXECUTE FUNCTION public.forget();
ALTER TABLE kb.documents ENABLE ALWAYS TRIGGER forget;
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for --keep that the servers' account can enter."""
    with tempfile.TemporaryDirectory(prefix="sw-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "kept"


def test_the_demo_ends_without_a_difference_and_its_servers_can_be_started_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, passages=PASSAGES, steady_seconds=2) == 0
    printed = capsys.readouterr()
    assert "No difference" in printed.out
    assert "50 of 50 vectors" in printed.out
    for stage in ("precheck", "capture", "schema", "full", "keys", "catch-up", "constraints", "indexes"):
        assert f"stage {stage} finished" in printed.err
    commands = [line.strip() for line in printed.out.splitlines() if "pg_ctl" in line]
    assert len(commands) == 2
    for command in commands:
        subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
        data = command.split("-D ")[1].split()[0]
        try:
            with psycopg.connect(host=str(Path(data).parent), user="postgres", dbname="kb") as session:
                assert session.execute("SELECT count(*) > 0 FROM kb.passages").fetchone() == (True,)
                assert session.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)
        finally:
            subprocess.run(command.removesuffix(" start") + " stop", shell=True, check=True, stdout=subprocess.DEVNULL)


def test_a_difference_is_found_and_ends_with_5(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trigger that swallows rows is put into the destination as soon as the tables are complete."""

    def complete() -> bool:
        query = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'kb'::regnamespace"
        try:
            with psycopg.connect(host=str(folder / "destination"), user="postgres", dbname="kb") as session:
                return session.execute(query).fetchone() == (2,)
        except (psycopg.OperationalError, psycopg.errors.UndefinedObject, psycopg.errors.InvalidSchemaName):
            return False

    def interfere() -> None:
        until(complete, 60, "the foreign keys")
        with psycopg.connect(host=str(folder / "destination"), user="postgres", dbname="kb") as session:
            session.execute(FORGETFUL)

    interference = threading.Thread(target=interfere)
    interference.start()
    assert run(folder, passages=PASSAGES, steady_seconds=3) == DifferencesFound.exit_code
    interference.join()
    assert "DIFFERENCES FOUND" in capsys.readouterr().out


def test_a_folder_with_something_in_it_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "precious").touch()
    with pytest.raises(UsageError, match="not empty"):
        run(folder)
