"""The functions of the language as the tables of the manual; a test holds the manual to them."""

from collections.abc import Iterable

from syncwizard.rows.etl.catalogue import SUBJECTS
from syncwizard.rows.etl.catalogue.function import Function
from syncwizard.rows.etl.catalogue.steps import STEPS


def tables() -> str:
    """All of them, in Markdown."""
    parts = ["### Steps\n\n| step | what it does |\n| --- | --- |"]
    parts += [f"| {_code(step.signature)} | {step.about} |" for step in STEPS]
    for subject, functions in SUBJECTS:
        parts.append(f"\n### {subject}\n\n| function | what it gives | example | gives |\n| --- | --- | --- | --- |")
        parts += _rows(functions)
    return "\n".join(parts) + "\n"


def _rows(functions: Iterable[Function]) -> Iterable[str]:
    for function in functions:
        also = f"; also {', '.join(map(_code, function.aliases))}" if function.aliases else ""
        gives = "NULL" if function.gives is None else _code(function.gives)
        example = f"{_code(function.example)} | {gives}" if function.example else " | "
        yield f"| {_code(function.signature)} | {_plain(function.about)}{also} | {example} |"


def _code(text: str) -> str:
    # A backtick within code needs two around it.
    mark = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return _plain(f"{mark}{space}{text}{space}{mark}")


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
