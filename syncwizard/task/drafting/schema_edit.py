"""What a person changes of one schema: its name at the destination, rules for names in it, operations. Pure."""

from collections.abc import Iterable

import msgspec

from syncwizard.task.object_rules import is_system_schema, name_problem, rule_problem
from syncwizard.task.objects import Operation, RenameRule

# Between pattern and name, in a line of the rules; the last one of a line counts.
ARROW = "=>"


class SchemaEdit(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for a schema. `name`: as typed; `rules`: a rule a line, as typed; `operations`: None for all."""

    schema: str
    name: str
    rules: str = ""
    operations: list[Operation] | None = None


def rules_text(rules: Iterable[RenameRule]) -> str:
    r"""The rules as lines.

    >>> rules_text([RenameRule(pattern="^tmp_(.+)$", name=r"stage_\1")])
    '^tmp_(.+)$ => stage_\\1'
    """
    return "\n".join(f"{rule.pattern} {ARROW} {rule.name}" for rule in rules)


def rules_of(text: str) -> list[RenameRule]:
    r"""The rules of the lines; a line without an arrow is a pattern without a name.

    >>> [(each.pattern, each.name) for each in rules_of("a => b\n\n^x(.)$ => y\\1")]
    [('a', 'b'), ('^x(.)$', 'y\\1')]
    """
    found = []
    for line in text.splitlines():
        if line.strip():
            pattern, arrow, name = line.rpartition(ARROW)
            if not arrow:
                pattern, name = name, ""
            found.append(RenameRule(pattern=pattern.strip(), name=name.strip()))
    return found


def rules_problem(text: str) -> str:
    """The first line that is no rule, and why; empty where all are.

    >>> rules_problem("tmp_(.+) => x"), rules_problem("a"), rules_problem("( => x")[:39]
    ('', 'line 1: write the pattern, =>, and the name', 'line 1: this is no regular expression: ')
    """
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if ARROW not in line:
            return f"line {number}: write the pattern, {ARROW}, and the name"
        if problem := rule_problem(rules_of(line)[0])[1]:
            return f"line {number}: {problem}"
    return ""


def schema_problem(edit: SchemaEdit) -> str:
    """What is wrong with the schema's name.

    >>> schema_problem(SchemaEdit(schema="s", name="pg_x")), schema_problem(SchemaEdit(schema="s", name="s"))
    ('pg_x is a schema of the server itself', '')
    """
    if problem := name_problem(edit.name):
        return problem
    if is_system_schema(edit.name):
        return f"{edit.name} is a schema of the server itself"
    if edit.name == "syncwizard":
        return "the schema syncwizard holds what tasks keep at the destination"
    return ""
