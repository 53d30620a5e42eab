"""Loads the longer statements from the `.sql` files of this package."""

from pathlib import Path
from typing import LiteralString

FOLDER = Path(__file__).parent / "sql"
_loaded: dict[str, LiteralString] = {}
_texts: set[str] = set()


def query(name: str) -> LiteralString:
    """The text of `sql/NAME.sql`: ours, shipped with the package, so it counts as literal for psycopg's types."""
    if name not in _loaded:
        text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
        _texts.add(text)
        _loaded[name] = text  # type: ignore[assignment, unused-ignore]
    return _loaded[name]


def is_shipped(text: str) -> bool:
    """Whether the text is one of these statements, as it was loaded."""
    return text in _texts
