"""The rooms of stages/: few, listed, and without SQL of their own."""

from pathlib import Path

from syncwizard import stages

FOLDER = Path(stages.__file__).parent
ROOMS = sorted({path.stem for path in FOLDER.iterdir() if not path.name.startswith("_")})


def test_the_rooms_are_few_and_each_is_listed() -> None:
    assert len(ROOMS) <= 12
    assert stages.__doc__ is not None
    assert [room for room in ROOMS if f"`{room}`" not in stages.__doc__] == []


def test_a_stage_runs_no_sql_of_its_own() -> None:
    files = list(FOLDER.rglob("*.py"))
    running = [path for path in files if any(call in path.read_text() for call in (".execute(", "scalar("))]
    assert files and running == []
