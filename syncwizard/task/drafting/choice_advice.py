"""What a choice leaves out or cannot do, in words, with the objects that would help. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from syncwizard.task.drafting.catalogue import CatalogueObject, ObjectKey, ObjectKind, RelationName, Use
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.text import one_line

NAMES_SHOWN = 5
PLURALS = {
    "table": "tables",
    "view": "views",
    "materialized view": "materialized views",
    "function": "functions",
    "type": "types",
    "sequence": "sequences",
    "trigger": "triggers",
    "rule": "rules",
}


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know of a choice. `add`: objects that one could tick because of it; `warning`: more than a hint."""

    message: str
    add: tuple[CatalogueObject, ...] = ()
    warning: bool = True


def advise(choice: ObjectChoice) -> list[Advice]:
    """Everything there is to say, what is most likely to hurt first."""
    left_out, unusable = _judge_uses(choice)
    found = [_missing(choice), _unusable(unusable), _left_out(choice, left_out)]
    found += [_unsynchronized(choice), _sequences(choice)]
    return [advice for advice in found if advice is not None]


def sequences_to_offer(choice: ObjectChoice) -> tuple[CatalogueObject, ...]:
    """The sequences of chosen tables' columns that are not chosen themselves."""
    return tuple(
        sequence
        for table, sequences in choice.catalogue.owned_sequences.items()
        if choice.has_relation(table)
        for sequence in sequences
        if not choice.has(sequence) and not choice.is_whole(sequence.schema)
    )


def _judge_uses(choice: ObjectChoice) -> tuple[list[Use], list[Use]]:
    """What uses chosen tables and is not chosen, through views too; and what is chosen and needs one that is not."""
    by_need: dict[RelationName, list[Use]] = {}
    for use in choice.catalogue.uses:
        by_need.setdefault(use.needs, []).append(use)
    chosen = {name: choice.has_relation(name) for name in by_need}
    left_out: list[Use] = []
    pending = [name for name, there in chosen.items() if there]
    reached = set(pending)
    while pending:
        found = [use for use in by_need.get(pending.pop(), ()) if not _has_user(choice, use)]
        left_out += found
        # What reads a view that is left out is left out as well.
        views = {RelationName(use.schema, use.name) for use in found if use.kind in ("view", "materialized view")}
        pending += views - reached
        reached |= views
    lacking = [use for use in choice.catalogue.uses if not chosen[use.needs] and _has_user(choice, use)]
    return left_out, [use for use in lacking if use.kind not in ("trigger", "rule")]


def _has_user(choice: ObjectChoice, use: Use) -> bool:
    """Whether it comes along: triggers and rules of tables do with whole schemas only."""
    each = _user(choice, use)
    return choice.is_whole(use.schema) if each is None else choice.has(each)


def _user(choice: ObjectChoice, use: Use) -> CatalogueObject | None:
    """The object that uses, where it is one that can be chosen."""
    if use.kind == "trigger" or use.kind == "rule":
        return None
    return choice.catalogue.by_key.get(ObjectKey(use.schema, use.kind, use.name))


def _missing(choice: ObjectChoice) -> Advice | None:
    names = [
        f"schema {each}" if isinstance(each, str) else f"{each.kind} {each.schema}.{each.name}"
        for each in choice.missing
    ]
    return Advice(message=f"The source does not have {_listed(names)}, which the task names.") if names else None


def _unsynchronized(choice: ObjectChoice) -> Advice | None:
    tables = [
        f"{each.schema}.{each.name} ({each.obstacle})"
        for schema in choice.catalogue.by_kind
        for each in choice.view(schema).chosen.get("table", ())
        if each.obstacle
    ]
    if not tables:
        return None
    return Advice(message=f"Cannot be synchronized, their changes are not in the WAL: {_listed(tables)}.")


def _left_out(choice: ObjectChoice, uses: Sequence[Use]) -> Advice | None:
    if not uses:
        return None
    names: dict[str, dict[str, None]] = {}
    for use in uses:
        name = f"{use.name} on {use.needs.name}" if use.kind in ("trigger", "rule") else f"{use.schema}.{use.name}"
        names.setdefault(use.kind, {})[name] = None
    parts = [f"{counted(len(found), kind)} ({_listed(list(found))})" for kind, found in names.items()]
    users = {each.key: each for use in uses if (each := _user(choice, use)) is not None}
    way = " Triggers and rules come with whole schemas only." if {"trigger", "rule"} & names.keys() else ""
    return Advice(
        message=f"Left out, though they use chosen tables: {', '.join(parts)}.{way}", add=tuple(users.values())
    )


def _unusable(uses: Sequence[Use]) -> Advice | None:
    if not uses:
        return None
    names = [f"{use.kind} {use.schema}.{use.name} needs {use.needs.schema}.{use.needs.name}" for use in uses]
    return Advice(message=f"Cannot be created without what is not chosen: {_listed(list(dict.fromkeys(names)))}.")


def _sequences(choice: ObjectChoice) -> Advice | None:
    offered = sequences_to_offer(choice)
    if not offered:
        return None
    return Advice(
        message=f"Sequences of chosen tables' columns come along with them ({_listed(_names(offered))}); add them to"
        " have them in the task file by name.",
        add=offered,
        warning=False,
    )


def _names(objects: Iterable[CatalogueObject]) -> list[str]:
    return [f"{each.schema}.{each.name}" for each in objects]


def counted(count: int, kind: ObjectKind | str) -> str:
    """
    >>> counted(1, "view"), counted(2000, "table")
    ('1 view', '2,000 tables')
    """
    return f"{count:,} {kind if count == 1 else PLURALS[kind]}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(one_line(name) for name in names[:NAMES_SHOWN]) + more
