"""What is other at the destination once a change of a definition is skipped, in words. Pure."""

from syncwizard.structure.definition import Definition
from syncwizard.structure.widening import widens
from syncwizard.task.names import TableName


def of_changed(before: Definition, after: Definition, target: TableName) -> list[str]:
    """Of a table that was altered."""
    found = [f"{target} stays as it is at the destination"]
    was = {column.number: column for column in before.columns}
    names = {column.name for column in before.columns}
    new = [column.name for column in after.columns if column.name not in names]
    if new:
        listed = ", ".join(new)
        found.append(f"rows that follow have {listed}, and stop the task until {target} has it, too")
    kept = {column.number for column in after.columns}
    gone = [column.name for column in before.columns if column.number not in kept and column.not_null]
    if gone:
        found.append(f"rows that follow have no {', '.join(gone)}, which {target} demands where it has no default")
    changed = [
        column.name for column in after.columns if column.number in was and column.type != was[column.number].type
    ]
    if changed:
        found.append(f"values of {', '.join(changed)} that follow may not fit")
    widened = all(
        widens(was[column.number].type, column.type)
        for column in after.columns
        if column.number in was and column.type != was[column.number].type
    )
    if before.storage != after.storage and not (changed and widened):
        found.append(f"rows that {target} has may keep other values than the source's: copy it again (resync)")
    return found


def of_dropped(target: TableName) -> list[str]:
    """Of a table or a partition that was dropped."""
    return [f"{target} and its rows stay at the destination"]


def of_partition(target: TableName) -> list[str]:
    """Of a partition that was created or attached."""
    return [f"{target} is no partition at the destination: rows that follow may have no place, and stop the task then"]


def of_detached(target: TableName, parent: TableName) -> list[str]:
    """Of a partition that was detached."""
    return [f"{target} and its rows stay a part of {parent} at the destination"]


def of_object(name: TableName) -> list[str]:
    """Of a type or a domain."""
    return [f"{name} stays as it is at the destination: rows that follow may not fit, and stop the task then"]


def of_unknown() -> list[str]:
    """Of what could not be captured."""
    return ["it is not known what it changed: the destination's definitions may be others from here on"]
