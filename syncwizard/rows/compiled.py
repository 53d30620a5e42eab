"""Which row path runs: the compiled loops where the package was built with them, else Python alone.

Both do the same (`tests/unit/test_compiled.py`). SYNCWIZARD_ROW_PATH chooses: `python`, or `compiled`, which must then
be there.
"""

import os
from typing import Any

VARIABLE = "SYNCWIZARD_ROW_PATH"


def _found() -> Any:
    chosen = os.environ.get(VARIABLE, "")
    if chosen == "python":
        return None
    try:
        from syncwizard.rows import _compiled
    except ImportError:
        if chosen == "compiled":
            raise
        return None
    return _compiled


# The loops, or None. Asked for at each use: tests run both.
loops = _found()


def described() -> str:
    """Which of the two runs, in a word."""
    return "python" if loops is None else "compiled"
