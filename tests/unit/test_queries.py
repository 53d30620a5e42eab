"""Statements of the package's files, and the calls that run them."""

import ast
import re
from collections.abc import Iterator

import pytest

from syncwizard.postgres.queries import FOLDER, query

PACKAGE = FOLDER.parents[1]
# A placeholder by position or by name; `%%` is a percent sign.
PLACEHOLDER = re.compile(r"%(?:%|\((\w+)\)s|(s))")


def placeholders(text: str) -> tuple[int, set[str]]:
    """How many are by position, and the names of the others."""
    found = PLACEHOLDER.findall(re.sub(r"--[^\n]*", "", text))
    return sum(bool(positional) for _, positional in found), {name for name, _ in found if name}


def calls() -> Iterator[tuple[str, str, ast.expr]]:
    """Each call that runs a statement with parameters that are written out: where, the statement, the parameters."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for statement, parameters in zip(node.args, node.args[1:], strict=False):
                if isinstance(parameters, ast.Tuple | ast.List | ast.Dict) and (name := statement_of(statement)):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", name, parameters


def statement_of(node: ast.expr) -> str | None:
    """The name of the file of `query("name")`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "query":
        first = node.args[0]
        return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    return None


@pytest.mark.parametrize(("where", "name", "parameters"), [pytest.param(*each, id=f"{each[0]}") for each in calls()])
def test_a_statement_gets_as_many_parameters_as_it_has_placeholders(
    where: str, name: str, parameters: ast.Tuple | ast.List | ast.Dict
) -> None:
    positional, names = placeholders(query(name))
    if isinstance(parameters, ast.Dict) and None not in parameters.keys:
        given = {key.value for key in parameters.keys if isinstance(key, ast.Constant)}
        assert given >= names, f"{where} runs {name}.sql without {names - given}"
    elif not isinstance(parameters, ast.Dict) and not any(isinstance(each, ast.Starred) for each in parameters.elts):
        assert len(parameters.elts) == positional, f"{where} runs {name}.sql"


def test_every_statement_is_used() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    unused = [path.stem for path in FOLDER.glob("*.sql") if f'"{path.stem}"' not in texts]
    assert not unused
