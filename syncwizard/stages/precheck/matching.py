"""Whether changes will find their rows in tables that the destination has already: a key that both ends keep unique."""

from syncwizard.postgres.source.identity import has_usable_identity
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, naming, passed, warning
from syncwizard.stages.precheck.row_rules import ROW_RULES
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.stages.precheck.shape import has_key, outcome_of, paired, sent_columns, target_key
from syncwizard.structure.table import Table


@item(
    "table-keys",
    "Tables that exist at the destination have a key that both ends keep unique",
    BOTH,
    (*OBJECTS, *ROW_RULES),
)
def table_keys(checkup: Checkup) -> Finding:
    """Without one a row is found by all of its columns, which the source sends with REPLICA IDENTITY FULL only."""
    if checkup.captured and checkup.synchronizes("schema"):
        return passed("they are the task's own")
    pairs = paired(checkup)
    merged = [name for table, target in pairs for name in _merged_columns(table, target)]
    if merged:
        return failed(
            naming(
                "different keys of the source would be the same at the destination, and one row would overwrite "
                "another: ",
                merged,
            ),
            "make the types of these columns the same",
        )
    keyless = [(table, target) for table, target in pairs if target_key(table, target) is None]
    stuck = [_why(table, target) for table, target in keyless if not _sends_whole_rows(table)]
    if stuck:
        return failed(
            naming("updates and deletes would not find their row: ", stuck),
            "create the primary key or unique index that the source has, or set REPLICA IDENTITY FULL at the source",
        )
    notes = []
    if slow := [str(table.name) for table, target in keyless if has_key(table)]:
        notes.append(naming("without the key that the source has, changes are applied row by row: ", slow))
    if strict := [_why(table, target) for table, target in keyless if target.keys(sent_columns(table))]:
        notes.append(naming("a row that is equal to another one in the destination's key stops the task: ", strict))
    if notes:
        return warning(notes, "make the keys the same where you can")
    return passed()


def _merged_columns(table: Table, target: Table) -> list[str]:
    """The columns of the key that changes find their rows by whose values may become equal on the way."""
    key = target_key(table, target)
    there = {column.name: column for column in target.columns}
    return [
        f"{target.name}.{column.name}"
        for column in table.stored_columns
        if key is not None and column.name in key.columns and outcome_of(column, there[column.name]) == "changed"
    ]


def _sends_whole_rows(table: Table) -> bool:
    """Now, or once capture has set it."""
    return table.replica_identity == "f" or not has_usable_identity(table)


def _why(table: Table, target: Table) -> str:
    """The destination's table, and what is wrong with its keys."""
    sent = sent_columns(table)
    keys = target.keys(sent)
    if not keys:
        return f"{target.name} (no key among {', '.join(sorted(sent))})"
    loose = " or takes different texts for equal" if any(keys[0].collations) else ""
    return f"{target.name} (its key {', '.join(keys[0].columns)} is not kept unique at the source{loose})"


ITEMS = (table_keys,)
