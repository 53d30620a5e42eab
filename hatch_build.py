"""Compiles the loops of the row path into the wheel where there is a C compiler; without one only speed is missing.

`python hatch_build.py` compiles them in place, beside their source, as an editable installation does.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

SOURCE = Path("syncwizard/rows/_compiled.c")
# Only the limited API is used: one build serves every Python from 3.11 on.
BUILT = SOURCE.with_suffix(".abi3.so")
PYTHON = "cp311-abi3"
# Set to 1 for a wheel that serves every platform.
WITHOUT = "SYNCWIZARD_WITHOUT_COMPILER"


def compile_loops(root: Path, target: Path) -> bool:
    """Compiles to `target`; whether it could. Says why not on standard error."""
    if os.environ.get(WITHOUT) == "1":
        return False
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    include = sysconfig.get_paths()["include"]
    command = [*compiler, "-O2", "-fPIC", *shared, f"-I{include}", "-o", str(target), str(root / SOURCE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        print(f"syncwizard without compiled loops: {error}", file=sys.stderr)
        return False
    if done.returncode:
        print(f"syncwizard without compiled loops: {done.stderr.strip()}", file=sys.stderr)
    return done.returncode == 0


def main() -> int:
    """Compiles in place; the exit code."""
    root = Path(__file__).parent
    return 0 if compile_loops(root, root / BUILT) else 1


if __name__ == "__main__":
    sys.exit(main())


from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # noqa: E402 - `main` needs none


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the compiled loops to a wheel, which is one of this platform then."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built; `version`: `standard` or `editable`."""
        root = Path(self.root)
        if version == "editable":
            compile_loops(root, root / BUILT)
            return
        target = Path(tempfile.mkdtemp()) / BUILT.name
        if compile_loops(root, target):
            build_data["force_include"][str(target)] = str(BUILT)
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"{PYTHON}-{platform}"
