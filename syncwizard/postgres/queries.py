"""Loads the longer statements from the `.sql` files of this package."""

from functools import cache
from pathlib import Path
from typing import LiteralString

FOLDER = Path(__file__).parent / "sql"


@cache
def query(name: str) -> LiteralString:
    """The text of `sql/NAME.sql`: ours, shipped with the package, so it counts as literal for psycopg's types."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")  # type: ignore[return-value, unused-ignore]
