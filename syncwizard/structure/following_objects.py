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


class ObjectDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What is no table, as the source's catalogue has it after a command. `create` makes or replaces it; `labels` are
    those of an enum, in their order."""

    kind: Literal["type", "domain", "function", "view", "sequence"]
    schema: str
    name: str
    create: list[str]
    labels: list[str] | None = None

    @property
    def table_name(self) -> TableName:
        """Its name, as those of tables are."""
        return TableName(self.schema, self.name)


class DroppedObject(msgspec.Struct, frozen=True, kw_only=True):
    """What is no table and was dropped. `identity`: its qualified name, a function's with its arguments; `name` is None
    where that alone says what it is."""

    kind: Literal["type", "function", "procedure", "view", "sequence"]
    schema: str
    name: str | None
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
