"""Folders and files of ours are for their owner alone, and no other user can lead us to another place."""

import os
import stat
from pathlib import Path

import pytest

from syncwizard import paths
from syncwizard.client.files import write_private
from syncwizard.errors import UsageError
from tests.support.other_user import OTHER, needs_root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that every user may write to, as that for temporary files is."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_a_folder_is_made_for_its_owner_alone_and_one_that_is_there_is_closed(tmp_path: Path) -> None:
    assert mode(paths.ensure_private_folder(tmp_path / "a" / "new")) == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(paths.ensure_private_folder(tmp_path / "open")) == 0o700


@needs_root
def test_a_folder_of_another_user_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, OTHER, OTHER)
    with pytest.raises(PermissionError, match="another user"):
        paths.ensure_private_folder(folder)
    assert mode(folder) == 0o755


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_planted_link_is_not_followed(shared: Path, tmp_path: Path, below: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    victim.chmod(0o755)
    (shared / "planted").symlink_to(victim)
    with pytest.raises(PermissionError, match="link"):
        paths.ensure_private_folder(shared / "planted" / below)
    assert mode(victim) == 0o755
    assert list(victim.iterdir()) == []


def test_a_link_of_the_users_own_is_followed(tmp_path: Path) -> None:
    """Folders of settings are links into a repository on many a machine."""
    tmp_path.chmod(0o700)
    (tmp_path / "real").mkdir()
    (tmp_path / "config").symlink_to(tmp_path / "real")
    assert paths.ensure_private_folder(tmp_path / "config" / "syncwizard").is_dir()
    assert (tmp_path / "real" / "syncwizard").is_dir()
    assert mode(paths.ensure_private_folder(tmp_path / "config")) == 0o700


def test_a_file_is_not_written_through_a_planted_link(shared: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("keep me")
    (shared / "report").symlink_to(victim)
    (shared / "second name").hardlink_to(victim)
    for name in ("report", "second name"):
        with pytest.raises(UsageError, match="cannot be written"):
            write_private(shared / name, "new")
    assert victim.read_text() == "keep me"
    (shared / "own").write_text("old and longer than the new")
    write_private(shared / "own", "new")
    assert (shared / "own").read_text() == "new\n"
    assert mode(shared / "own") == 0o600


@needs_root
def test_a_file_that_another_user_made_beforehand_is_refused(shared: Path) -> None:
    path = shared / "report"
    path.touch()
    os.chown(path, OTHER, OTHER)
    with pytest.raises(UsageError, match="cannot be written"):
        write_private(path, "new")
    assert path.read_text() == ""
