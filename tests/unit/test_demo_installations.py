"""Where the demo finds PostgreSQL, and what it says where there is none."""

from pathlib import Path

import pytest

from syncwizard.demo import installations
from syncwizard.errors import UsageError


def fake_installation(folder: Path, version: str, *, pgvector: bool) -> Path:
    """Programs that only tell their version."""
    directory = folder / "bin"
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    if pgvector:
        extension = folder / "share" / "extension"
        extension.mkdir(parents=True)
        (extension / "vector.control").touch()
    return directory


@pytest.fixture
def only_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """No demo extra, no distribution's servers: only the directories that a test puts into the list, on PATH."""
    directories = [
        fake_installation(tmp_path / "a", "12.22", pgvector=True),
        fake_installation(tmp_path / "b", "17.2 (Debian 17.2-1)", pgvector=True),
        fake_installation(tmp_path / "c", "15.9", pgvector=True),
        fake_installation(tmp_path / "d", "19beta1", pgvector=False),
    ]
    monkeypatch.setattr(installations, "bundled", dict)
    monkeypatch.setattr(installations, "DISTRIBUTION_PATTERNS", ())
    monkeypatch.setenv("PATH", ":".join(map(str, directories)))
    return directories


def test_programs_on_path_serve_where_the_extra_has_no_build(only_path: list[Path]) -> None:
    assert installations.installed().keys() == {12, 15, 17, 19}
    assert installations.versions_with_pgvector() == (15, 17)
    found = installations.find(17)
    assert found is not None
    assert found.bin == only_path[1]


def test_without_pgvector_one_sentence_says_what_to_install(
    only_path: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(only_path[3]))
    with pytest.raises(UsageError, match="found none") as refused:
        installations.versions_with_pgvector()
    assert "syncwizard[demo]" in str(refused.value.remedy)
