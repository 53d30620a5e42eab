"""What is wrong with filters and scripts of a task file by themselves, before a server is asked."""

from collections.abc import Iterator

from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.where import check_syntax
from syncwizard.task.problem import Problem
from syncwizard.task.specification import TaskSpec


def rule_problems(spec: TaskSpec) -> Iterator[Problem]:
    """Each condition that PostgreSQL's parser does not take, and each script that is none."""
    for number, entry in enumerate(spec.objects):
        for kind, tables in (("tables", entry.tables), ("overrides", entry.overrides)):
            for at, table in enumerate(tables):
                path = f"objects[{number}].{kind}[{at}]"
                for key, text in (("where", table.where), ("origin_keys", table.origin_keys)):
                    if text is not None and text.strip():
                        yield from _problem(f"{path}.{key}", text, check_syntax)
                if table.etl is not None:
                    yield from _problem(f"{path}.etl", table.etl, parse)
    if spec.advanced.etl is not None:
        yield from _problem("advanced.etl", spec.advanced.etl, parse)


def _problem(path: str, text: str, check: object) -> Iterator[Problem]:
    assert callable(check)
    try:
        check(text)
    except ScriptError as error:
        place = f"line {error.place.line}, column {error.place.column}"
        yield Problem(path=path, message=f"{place}: {error.message}", remedy=error.remedy)
