"""How ssh is called: what comes from a task file is a destination to it, and nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest

from syncwizard.engine import tunnel_keeper


@pytest.mark.skipif(shutil.which("ssh") is None, reason="this machine has no ssh")
@pytest.mark.parametrize("user", ["", "me@"])
def test_an_option_in_the_place_of_the_destination_is_not_obeyed(tmp_path: Path, user: str) -> None:
    """The check of the task file is the first door; this is the second."""
    made = tmp_path / "made"
    call = tunnel_keeper.command("127.0.0.1:1", "db:5432", f"{user}-oProxyCommand=touch {made}")
    done = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    assert not made.exists()
    # Obeyed it would have been there.
    subprocess.run(["ssh", f"-oProxyCommand=touch {made}", "nowhere"], capture_output=True, timeout=60, check=False)
    assert made.exists()
