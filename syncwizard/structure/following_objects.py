"""Types, functions, views and sequences that change at the source, and what makes them at the destination (rule 23).
Pure."""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from syncwizard.structure.literals import literal
from syncwizard.task.names import TableName, quote

# Rows need them: what the destination refuses of these stops the task. Of the others it is listed as missing.
NEEDED_BY_ROWS = ("type", "domain")


_RENAMES = re.compile(r"\bRENAME\s+VALUE\b", re.IGNORECASE)


_RENAMED_ATTRIBUTE = re.compile(r"\bRENAME\s+ATTRIBUTE\b", re.IGNORECASE)


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What a domain is made of. `checks`: by their names."""

    type: str
    default: str | None
    not_null: bool
    checks: dict[str, str]


class ObjectDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What is no table, as the source's catalogue has it after a command. `create` makes or replaces it; `labels` are
    those of an enum, in their order; `attributes`: of a composite type, each with its type; `columns`: of a view, each
    with its default; `arguments`: of a function, as they tell it from others of its name."""

    kind: Literal[
        "type",
        "domain",
        "function",
        "view",
        "sequence",
        "aggregate",
        "materialized view",
        "index",
        "comment",
        "contents",
        "trigger",
        "extension",
    ]
    schema: str
    name: str
    create: list[str]
    labels: list[str] | None = None
    attributes: list[tuple[str, str]] | None = None
    domain: Domain | None = None
    columns: list[tuple[str, str | None]] | None = None
    arguments: str | None = None

    @property
    def table_name(self) -> TableName:
        """Its name, as those of tables are."""
        return TableName(self.schema, self.name)


class DroppedObject(msgspec.Struct, frozen=True, kw_only=True):
    """What is no table and was dropped. `identity`: its qualified name, a function's with its arguments; `name` is None
    where that alone says what it is."""

    kind: Literal["type", "function", "procedure", "view", "sequence", "aggregate", "materialized view", "trigger"]
    schema: str
    name: str | None = None
    identity: str

    @property
    def table_name(self) -> TableName:
        """Its name, as those of tables are."""
        return TableName(self.schema, self.name or self.identity.removeprefix(f"{quote(self.schema)}."))

    @property
    def statement(self) -> str:
        """What drops it at the destination, where it is there."""
        return f"DROP {self.kind.upper()} IF EXISTS {self.identity}"


def parse_dropped_object(text: str) -> DroppedObject:
    """What a row of the source says of it. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=DroppedObject)


def parse_object(text: str) -> ObjectDefinition:
    """The definition that a row of the source holds. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=ObjectDefinition)


def enum_statements(wanted: ObjectDefinition, here: Sequence[str], statement: str | None) -> list[str] | None:
    """What gives the destination's enum the labels of the source's; None where that cannot be done. `statement`: the
    command at the source, which alone tells a renamed label from another one.

    >>> enum = ObjectDefinition(kind="type", schema="s", name="e", create=[], labels=["a", "b", "c", "d"])
    >>> enum_statements(enum, ["b", "c"], None)
    ['ALTER TYPE "s"."e" ADD VALUE \\'a\\' BEFORE \\'b\\'', 'ALTER TYPE "s"."e" ADD VALUE \\'d\\' AFTER \\'c\\'']
    >>> enum_statements(enum, ["a", "B", "c", "d"], "ALTER TYPE e RENAME VALUE 'B' TO 'b'")
    ['ALTER TYPE "s"."e" RENAME VALUE \\'B\\' TO \\'b\\'']
    >>> enum_statements(enum, ["d", "a"], None)
    """
    labels = wanted.labels or []
    name = f"{quote(wanted.schema)}.{quote(wanted.name)}"
    if len(here) == len(labels):
        if list(here) != labels and not _RENAMES.search(statement or ""):
            return None
        others = [(old, new) for old, new in zip(here, labels, strict=True) if old != new]
        if len(others) > 1 or any(new in here for _, new in others):
            return None
        return [f"ALTER TYPE {name} RENAME VALUE {literal(old)} TO {literal(new)}" for old, new in others]
    if [label for label in labels if label in here] != list(here):
        return None
    statements = []
    for at, label in enumerate(labels):
        if label not in here:
            place = f"AFTER {literal(labels[at - 1])}" if at else f"BEFORE {literal(here[0])}" if here else ""
            statements.append(f"ALTER TYPE {name} ADD VALUE {literal(label)} {place}".rstrip())
    return statements


def domain_statements(wanted: ObjectDefinition, here: Domain) -> list[str] | None:
    """What gives the destination's domain what the source's has; None where that cannot be done.

    >>> one = Domain(type="integer", default=None, not_null=False, checks={"c": "CHECK ((VALUE > 0))"})
    >>> other = Domain(type="integer", default="1", not_null=True, checks={"d": "CHECK ((VALUE > 1))"})
    >>> domain = ObjectDefinition(kind="domain", schema="s", name="d", create=[], domain=other)
    >>> for statement in domain_statements(domain, one) or []: print(statement.removeprefix('ALTER DOMAIN "s"."d" '))
    SET DEFAULT 1
    SET NOT NULL
    DROP CONSTRAINT "c"
    ADD CONSTRAINT "d" CHECK ((VALUE > 1))
    """
    there = wanted.domain
    if there is None or there.type != here.type:
        return None
    actions = []
    if there.default != here.default:
        actions.append("DROP DEFAULT" if there.default is None else f"SET DEFAULT {there.default}")
    if there.not_null != here.not_null:
        actions.append("SET NOT NULL" if there.not_null else "DROP NOT NULL")
    for name, check in here.checks.items():
        now = there.checks.get(name)
        if now is not None and check == f"{now} NOT VALID":
            actions.append(f"VALIDATE CONSTRAINT {quote(name)}")
        elif now != check:
            actions.append(f"DROP CONSTRAINT {quote(name)}")
    for name, check in there.checks.items():
        if here.checks.get(name) not in (check, f"{check} NOT VALID"):
            actions.append(f"ADD CONSTRAINT {quote(name)} {check}")
    return [f"ALTER DOMAIN {quote(wanted.schema)}.{quote(wanted.name)} {action}" for action in actions]


def composite_statements(
    wanted: ObjectDefinition, here: Sequence[tuple[str, str]], statement: str | None
) -> list[str] | None:
    """What gives the destination's composite type the attributes of the source's; None where that cannot be done.
    `statement`: the command at the source, which alone tells a renamed attribute from another one.

    >>> pair = ObjectDefinition(kind="type", schema="s", name="p", create=[], attributes=[("a", "text"), ("c", "int")])
    >>> composite_statements(pair, [("a", "int"), ("b", "int")], None)
    ['ALTER TYPE "s"."p" DROP ATTRIBUTE "b", ALTER ATTRIBUTE "a" TYPE text, ADD ATTRIBUTE "c" int']
    >>> composite_statements(pair, [("a", "text"), ("b", "int")], "ALTER TYPE p RENAME ATTRIBUTE b TO c")
    ['ALTER TYPE "s"."p" RENAME ATTRIBUTE "b" TO "c"']
    >>> composite_statements(pair, [("c", "int")], None)
    """
    attributes = wanted.attributes or []
    name = f"{quote(wanted.schema)}.{quote(wanted.name)}"
    now, was = dict(attributes), dict(here)
    if len(here) == len(attributes) and _RENAMED_ATTRIBUTE.search(statement or ""):
        others = [(old, new) for (old, _), (new, _) in zip(here, attributes, strict=True) if old != new]
        if len(others) == 1:
            old, new = others[0]
            return [f"ALTER TYPE {name} RENAME ATTRIBUTE {quote(old)} TO {quote(new)}"]
    kept = [each for each, _ in here if each in now]
    if [each for each, _ in attributes][: len(kept)] != kept:
        return None
    actions = [f"DROP ATTRIBUTE {quote(each)}" for each in was if each not in now]
    actions += [f"ALTER ATTRIBUTE {quote(each)} TYPE {now[each]}" for each in kept if now[each] != was[each]]
    actions += [f"ADD ATTRIBUTE {quote(each)} {kind}" for each, kind in attributes if each not in was]
    return [f"ALTER TYPE {name} {', '.join(actions)}"] if actions else []
