"""What a task asks of rows, as facts that can be compared: which of them are others than before. Pure."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from syncwizard.task.specification import TaskSpec

RuleKind = Literal["filter", "script", "operations", "errors"]


class RowFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule: `text` as in the task file. Without a table it is its schema's, without a schema the task's."""

    kind: RuleKind
    text: str
    schema: str = ""
    table: str = ""

    @property
    def subject(self) -> tuple[RuleKind, str, str]:
        """What it is a rule about."""
        return self.kind, self.schema, self.table


class ChangedRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a rule: it is there, another one, or gone."""

    kind: RuleKind
    change: Literal["added", "changed", "removed"]
    schema: str = ""
    table: str = ""


def row_facts(spec: TaskSpec) -> list[RowFact]:
    """Every filter, script and choice of operations of a task, in the order of its file."""
    return list(_facts(spec))


def _facts(spec: TaskSpec) -> Iterator[RowFact]:
    if spec.advanced.etl is not None:
        yield RowFact(kind="script", text=spec.advanced.etl)
    for entry in spec.objects:
        if entry.operations is not None:
            yield RowFact(kind="operations", text=", ".join(sorted(entry.operations)), schema=entry.schema)
        for own in entry.described:
            rules: tuple[tuple[RuleKind, str | None], ...] = (
                ("filter", own.where),
                ("script", own.etl),
                ("operations", None if own.operations is None else ", ".join(sorted(own.operations))),
            )
            for kind, text in rules:
                if text is not None:
                    yield RowFact(kind=kind, text=text, schema=entry.schema, table=own.table)
    yield RowFact(kind="errors", text=spec.advanced.etl_errors)


def changed_rules(before: Iterable[RowFact], after: Iterable[RowFact]) -> list[ChangedRule]:
    """In what the second differs from the first.

    >>> one = RowFact(kind="filter", text="a > 1", schema="s", table="t")
    >>> other, script = msgspec.structs.replace(one, text="a > 2"), RowFact(kind="script", text="e_drop()")
    >>> [(found.kind, found.change) for found in changed_rules([one], [other, script])]
    [('filter', 'changed'), ('script', 'added')]
    """
    was, now = ({fact.subject: fact.text for fact in facts} for facts in (before, after))
    found = []
    for subject in dict.fromkeys((*was, *now)):
        if was.get(subject) != now.get(subject):
            kind, schema, table = subject
            change: Literal["added", "changed", "removed"] = (
                "added" if subject not in was else "removed" if subject not in now else "changed"
            )
            found.append(ChangedRule(kind=kind, change=change, schema=schema, table=table))
    return found
