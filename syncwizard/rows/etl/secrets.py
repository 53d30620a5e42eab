"""The secrets that scripts name, by where they are kept: a client reads them there and hands them over."""

from collections.abc import Iterable

from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.tree import Call, Constant, ScriptError, walk
from syncwizard.task.specification import TaskSpec


def secret_forms(spec: TaskSpec) -> list[str]:
    """The forms (`env:NAME`) of the secrets in the task's scripts, each once; none for a script that is no script."""
    found: dict[str, None] = {}
    for script in scripts_of(spec):
        if "secret" not in script:
            continue
        try:
            found.update(dict.fromkeys(_forms(script)))
        except ScriptError:
            continue
    return list(found)


def scripts_of(spec: TaskSpec) -> list[str]:
    """Every script of a task file."""
    tables = [table.etl for entry in spec.objects for table in entry.described]
    return [script for script in (spec.advanced.etl, *tables) if script]


def _forms(script: str) -> Iterable[str]:
    for node in walk(parse(script)):
        if isinstance(node, Call) and node.function == "secret":
            first = node.arguments[0] if node.arguments else None
            if isinstance(first, Constant) and isinstance(first.value, str) and first.value.startswith("env:"):
                yield first.value
