"""Rows of which a change is in quarantine: named where they differ, settled where both ends have the same by now."""

from collections import defaultdict

import msgspec

from syncwizard.postgres.destination.quarantine import Record
from syncwizard.stages.context import Context
from syncwizard.stages.incremental.quarantined import has_open, read_open, settle
from syncwizard.stages.verification.units import Unit
from syncwizard.task.names import TableName
from syncwizard.task.verification import WHOLE, TableVerification, VerificationOrder


class InQuarantine:
    """What is in quarantine of the tables of some units, read before the moment at which they are compared."""

    def __init__(self, context: Context, units: list[Unit]) -> None:
        self._context = context
        self._records: dict[TableName, list[Record]] = {}
        for unit in units:
            tables = {unit.table, *(reading.relation for reading in unit.source)}
            if has_open(context, tables):
                self._records[unit.table] = read_open(context, tables)

    def compared(self, found: TableVerification, order: VerificationOrder) -> TableVerification:
        """What was found, with the rows named of which a change is in quarantine; those that are equal are settled."""
        records = self._records.get(found.table)
        if not records:
            return found
        if order.mode == "rows" and found.verdict != "unverified":
            heads = same_again(found, records)
            if heads:
                settle(self._context, heads, max(record.number for record in records))
                records = [record for record in records if record.head not in heads]
        numbers = {key: record.head for record in reversed(records) for key in _keys_of(record, found)}
        rows = tuple(
            msgspec.structs.replace(row, quarantined=numbers[row.key]) if row.key in numbers else row
            for row in found.rows
        )
        return msgspec.structs.replace(found, rows=rows, quarantined=len({record.head for record in records}))


def same_again(found: TableVerification, records: list[Record]) -> set[int]:
    """The first records of rows that both ends have alike, as far as the comparison of their table shows."""
    if found.sample < WHOLE or found.more or len(found.rows) < found.differing:
        return set()
    differing = {row.key for row in found.rows}
    groups: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.head].append(record)
    return {head for head, group in groups.items() if not differing or not any(_differs(each, found) for each in group)}


def _differs(record: Record, found: TableVerification) -> bool:
    """Whether the row differs; so it does where it cannot be told from those that do."""
    keys = _keys_of(record, found)
    differing = {row.key for row in found.rows}
    return len(keys) < len(record.keys) or not record.keys or any(key in differing for key in keys)


def _keys_of(record: Record, found: TableVerification) -> list[tuple[str, ...]]:
    """The keys of a record as the comparison has them; none where it knows rows by other columns."""
    return [
        tuple(key[name] or "" for name in found.key_columns)
        for key in record.keys
        if found.key_columns and set(key) == set(found.key_columns)
    ]
