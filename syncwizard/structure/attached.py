"""What belongs to a table and no row needs: triggers, rules, policies, statistics, privileges, storage. From one
definition to the next; what the destination refuses of it is listed as missing (rule 23). Pure."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from syncwizard.structure.definition import Attached, Definition
from syncwizard.task.names import TableName, quote

_NOT_CARRIED = "row security is not carried over"
_ON_UPDATE = "a rule ON UPDATE of the table would keep changes from being applied"
# Of a text that cannot be written with the destination's names.
UNREADABLE = "the table has another name at the destination, and its text cannot be written with that"
_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_COMPRESSION = {"": "default", "p": "pglz", "l": "lz4"}


class AttachedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `statements` follow it; they are listed alone where a `reason` keeps them from being run.
    `gone`: the source has it no more."""

    kind: str
    name: str
    statements: tuple[str, ...]
    reason: str = ""
    gone: bool = False


def attached_changes(
    before: Definition, after: Definition, target: TableName, *, quiet: bool, roles: Collection[str]
) -> list[AttachedChange]:
    """What differs, in the order in which it can be done. `quiet`: triggers and rules do not fire while changes are
    applied; `roles`: those of the destination.

    What was not known of a definition that an earlier version wrote down is taken for the same.
    """
    return [*_settings(before, after, target), *_objects(before, after, target, quiet=quiet, roles=roles)]


def _objects(
    before: Definition, after: Definition, target: TableName, *, quiet: bool, roles: Collection[str]
) -> Iterator[AttachedChange]:
    if before.attached is None or after.attached is None:
        return
    was = {(each.kind, each.name): each for each in before.attached}
    now = {(each.kind, each.name): each for each in after.attached}
    # Their texts name the table and its columns, under which they were known before.
    spelled = (before.schema, before.name) == (after.schema, after.name) and [
        (column.number, column.name) for column in before.columns
    ] == [(column.number, column.name) for column in after.columns if column.number in _numbers(before)]
    for key, gone in was.items():
        if key not in now and _carried(gone) and gone.definition and (not gone.role or gone.role in roles):
            yield AttachedChange(
                kind=gone.kind, name=_named(gone, target), statements=(_drop(gone, target),), gone=True
            )
    for key, each in now.items():
        known = was.get(key)
        same = known is not None and (known.definition == each.definition or not spelled)
        if same and known is not None and _fires(known, quiet) == _fires(each, quiet):
            continue
        reason = _reason(each, roles)
        anew = () if known is None or reason else (_drop(each, target),)
        made = () if same else (*anew, each.definition)
        enabling = _enabling(each, target, quiet=quiet, made=bool(made))
        yield AttachedChange(kind=each.kind, name=_named(each, target), statements=(*made, *enabling), reason=reason)


def _numbers(definition: Definition) -> set[int]:
    return {column.number for column in definition.columns}


def _carried(each: Attached) -> bool:
    return each.kind not in ("policy", "row security") and not each.on_update


def _reason(each: Attached, roles: Collection[str]) -> str:
    if each.kind in ("policy", "row security"):
        return _NOT_CARRIED
    if each.on_update:
        return _ON_UPDATE
    if each.role and each.role not in roles:
        return f"role {each.role} does not exist at the destination"
    return "" if each.definition else UNREADABLE


def _named(each: Attached, target: TableName) -> str:
    return f"{each.name} on {target}"


def _fires(each: Attached, quiet: bool) -> bool:
    """Whether it is enabled at the destination: one that would fire while changes are applied is not."""
    return each.enabled == "O" and quiet


def _enabling(each: Attached, target: TableName, *, quiet: bool, made: bool) -> tuple[str, ...]:
    if each.kind not in ("trigger", "rule") or (made and _fires(each, quiet)):
        return ()
    verb = "ENABLE" if _fires(each, quiet) else "DISABLE"
    return (f"ALTER TABLE {_table(target)} {verb} {each.kind.upper()} {quote(each.name)}",)


def _drop(each: Attached, target: TableName) -> str:
    if each.kind == "privilege":
        return each.revoke
    if each.kind == "statistics":
        return f"DROP STATISTICS IF EXISTS {quote(target.schema)}.{quote(each.name)}"
    return f"DROP {each.kind.upper()} IF EXISTS {quote(each.name)} ON {_table(target)}"


def _settings(before: Definition, after: Definition, target: TableName) -> Iterator[AttachedChange]:
    statements = list(_options(before.options, after.options))
    was = {column.number: column for column in before.columns}
    for column in after.columns:
        known = was.get(column.number)
        if known is None:
            # One that was added has what its type has, but for what was set in the same command.
            known = column if column.storage == column.usual_storage else msgspec.structs.replace(column, storage="")
            known = msgspec.structs.replace(known, compression="", statistics=-1)
        alter = f"ALTER COLUMN {quote(column.name)} SET"
        if None not in (known.storage, column.storage) and known.storage != column.storage:
            statements.append(f"{alter} STORAGE {_STORAGE[column.storage or 'x']}")
        if None not in (known.compression, column.compression) and known.compression != column.compression:
            statements.append(f"{alter} COMPRESSION {_COMPRESSION[column.compression or '']}")
        if None not in (known.statistics, column.statistics) and known.statistics != column.statistics:
            statements.append(f"{alter} STATISTICS {column.statistics}")
    for statement in statements:
        yield AttachedChange(
            kind="setting", name=str(target), statements=(f"ALTER TABLE {_table(target)} {statement}",)
        )


def _options(before: Sequence[str] | None, after: Sequence[str] | None) -> Iterator[str]:
    if before is None or after is None or list(before) == list(after):
        return
    names = {each.partition("=")[0] for each in after}
    if gone := [name for each in before if (name := each.partition("=")[0]) not in names]:
        yield f"RESET ({', '.join(gone)})"
    if new := [each for each in after if each not in before]:
        yield f"SET ({', '.join(new)})"


def _table(target: TableName) -> str:
    return f"{quote(target.schema)}.{quote(target.name)}"
