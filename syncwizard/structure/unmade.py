"""What a task needs at the destination and no statement of its plan makes, whatever the reason; pure.

The needs come from the source's catalogue and the statements from pg_dump: each finds the other's gaps.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from syncwizard.structure.needs import TablePart
from syncwizard.structure.skipped import SkippedStatement
from syncwizard.structure.statements import Statement
from syncwizard.structure.wanted import Wishes, belongs_to_whole, creates, has_table, of_view
from syncwizard.task.names import ObjectName, TableName

NO_STATEMENT = "pg_dump wrote no statement that makes it"
NOT_TAKEN = "the statement that makes it was not taken from pg_dump's output"
# Kind and name, as the events write them.
Identity = tuple[str, str]


def unmade(
    statements: Sequence[Statement], kept: Iterable[Statement], left_out: Collection[Identity], wishes: Wishes
) -> list[SkippedStatement]:
    """What neither a `kept` statement makes nor `left_out` names nor the destination has, of all `statements`."""
    made = {identity for statement in kept for identity in _makes(statement)}
    texts: dict[Identity, list[str]] = {}
    for statement in statements:
        for identity in _makes(statement):
            texts.setdefault(identity, []).append(statement.text)
    known = made | set(left_out) | _of_existing(statements, wishes)
    return [
        SkippedStatement(
            kind=kind,
            name=name,
            reason=reason or (NOT_TAKEN if (kind, name) in texts else NO_STATEMENT),
            texts=tuple(texts.get((kind, name), ())),
        )
        for kind, name, reason in _expected(wishes)
        if (kind, name) not in known
    ]


def _expected(wishes: Wishes) -> Iterator[tuple[str, str, str]]:
    """Kind, name, and the reason where it is known beforehand, of all that has to be at the destination by us."""
    needs = wishes.needs
    yield from (("table", str(name), "") for name in sorted(needs.all_tables) if not has_table(name, wishes))
    for kind, names in (("type", needs.types), ("sequence", needs.sequences), ("view", needs.views)):
        yield from ((kind, str(name), "") for name in sorted(names) if not wishes.has(name))
    yield from (("function", str(name), "") for name in sorted(needs.functions) if not wishes.has(name))
    yield from ((kind, str(name), "") for kind, name in sorted(needs.others) if not wishes.has(name))
    yield from ((part.kind, str(part), part.why) for part in sorted(needs.parts) if _part_wanted(part, wishes))


def _part_wanted(part: TablePart, wishes: Wishes) -> bool:
    if part.kind in ("trigger", "rule"):
        return belongs_to_whole(part.kind, part.name, part.table, wishes)
    return creates(part.table, wishes) or of_view(part.table, wishes)


def _makes(statement: Statement) -> Iterator[Identity]:
    """What exists once the statement has run."""
    name, table = statement.name, statement.table
    match statement.kind:
        case "function":
            yield "function", str(statement.function)
        case "materialized view":
            yield "view", str(name)
        case "index" | "unique index" | "primary key" | "unique constraint" | "exclusion constraint":
            yield "index", f"{name.name} on {table}"
        case "foreign key" | "trigger" | "rule" | "statistics":
            yield statement.kind, f"{name.name} on {table}"
        case "identity" if statement.sequence is not None:
            yield "sequence", str(statement.sequence)
        case kind:
            yield kind, str(name)


def _of_existing(statements: Iterable[Statement], wishes: Wishes) -> set[Identity]:
    """The sequences of tables that the destination has and keeps as they are, by whatever name it has them."""
    found: set[Identity] = set()
    for statement in statements:
        if _is_kept(statement.table, wishes):
            sequence = _sequence_of(statement)
            found |= {("sequence", str(sequence))} if sequence is not None else set()
    return found


def _is_kept(table: TableName | None, wishes: Wishes) -> bool:
    return table is not None and has_table(table, wishes)


def _sequence_of(statement: Statement) -> ObjectName | None:
    return statement.name if statement.kind == "sequence owner" else statement.sequence
