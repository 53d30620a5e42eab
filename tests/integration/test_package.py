"""What is installed: wheel and sdist, built from this tree by the project's build backend."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Kinds of files that the package reads while it runs, or others read of it.
DATA = (".sql", ".md", ".tcss", ".typed")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def tracked(folder: str) -> set[str]:
    """The files of the tree in a folder, as the repository has them or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    # One that was just deleted is listed, too.
    return {line for line in listed.stdout.splitlines() if (ROOT / line).exists()}


def test_the_wheel_has_the_package_with_its_data_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "syncwizard = syncwizard.__main__:main" in archive.read(entry_points).decode()
    (information,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    package = {name for name in names if not name.startswith(f"{information}/")}
    # The loops of the row path are compiled where there is a compiler.
    assert {name for name in package if not name.endswith(".so")} == tracked("syncwizard")
    for kind in DATA:
        assert any(name.endswith(kind) for name in package), kind
    assert f"{information}/licenses/LICENSE" in names


def test_the_wheel_works_where_nothing_else_of_the_tree_is(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    for arguments in (["--version"], ["manual", "design"]):
        done = subprocess.run(
            [sys.executable, "-m", "syncwizard", *arguments],
            cwd=tmp_path,
            env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_the_sdist_has_what_a_build_and_its_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked("syncwizard") | tracked("tests") | {"LICENSE", "README.md", "pyproject.toml"} <= names
