"""What is wrong with a mapping, as the source's catalogue shows it: names that meet, or are missing; pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator

from syncwizard.structure.needs import Needs
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Table, apply_key
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.object_rules import name_problem
from syncwizard.task.objects import SchemaObjects
from syncwizard.task.text import did_you_mean


def missing_tables(objects: Iterable[SchemaObjects], tables: Collection[TableName]) -> Iterator[str]:
    """Tables that a whole schema's entry describes and that are not among these."""
    for entry in objects:
        if not entry.overrides:
            continue
        # Thousands of tables may be described among thousands.
        names = dict.fromkeys(table.name for table in tables if table.schema == entry.schema)
        for described in entry.overrides:
            if described.table not in names:
                hint = did_you_mean(described.table, list(names))
                yield f"there is no table {entry.schema}.{described.table}" + (f"; {hint}" if hint else "")


def meeting_names(mapping: Mapping, needs: Needs) -> Iterator[str]:
    """Objects that would have one name at the destination, and names that are too long for one."""
    arrivals: dict[ObjectName, list[str]] = defaultdict(list)
    types: dict[ObjectName, list[str]] = defaultdict(list)
    for table in needs.all_tables:
        if mapping.merged(table):
            # Merged tables meet on purpose.
            continue
        target = mapping.table(table)
        for group in (arrivals, types):
            group[ObjectName(target.schema, target.name)].append(f"table {table}")
    for view in needs.views:
        arrivals[mapping.object(view)].append(f"view {view}")
        types[mapping.object(view)].append(f"view {view}")
    for kind in needs.types:
        types[mapping.object(kind)].append(f"type {kind}")
    for sequence in needs.sequences:
        arrivals[mapping.sequence(sequence, needs.sequence_owners.get(sequence))].append(f"sequence {sequence}")
    for part in needs.parts:
        if part.kind == "index" and not mapping.merged(part.table):
            arrivals[mapping.index(part.table, part.name.name)].append(f"index {part.table.schema}.{part.name.name}")
    groups = [(target, tuple(sorted(those))) for group in (arrivals, types) for target, those in group.items()]
    found = {(target, those) for target, those in groups if len(those) > 1}
    for name, those in sorted(found):
        yield f"{', '.join(those[:-1])} and {those[-1]} would all be {name}"
    for arrival in sorted({*arrivals, *types}):
        if problem := name_problem(arrival.name):
            yield f"{', '.join(arrivals.get(arrival) or types[arrival])}: {problem}"


def mistaken_columns(table: Table, mapping: Mapping, parents: Collection[TableName] = ()) -> Iterator[str]:
    """What is wrong with the columns of a table; `parents` are those that it inherits from."""
    name = table.name
    if table.extension and mapping.table(name) != name:
        yield f"{name} is of extension {table.extension}, whose names stay: exclude it, or do not rename its schema"
    present = [column.name for column in table.columns]
    named = [*mapping.columns.get(name, ()), *mapping.left_out.get(name, ())]
    for column in named:
        if column not in present:
            hint = did_you_mean(column, present)
            yield f"{name} has no column {column}" + (f"; {hint}" if hint else "")
    if table.root != name and named:
        yield f"the columns of {name} are those of {table.root}, which it is a partition of: give them there"
    edited = mapping.edited(name, table.root)
    arrivals = Counter(mapping.column(edited, column) for column in present if mapping.travels(edited, column))
    for column, times in arrivals.items():
        if times > 1:
            yield f"{times} columns of {name} would be {column}"
        if problem := name_problem(column):
            yield f"a column of {name}: {problem}"
    for parent in parents:
        for column in present:
            own, theirs = mapping.column(name, column), mapping.column(parent, column)
            travels = mapping.travels(name, column), mapping.travels(parent, column)
            if own != theirs or travels[0] != travels[1]:
                yield f"{name} inherits from {parent}, and their columns {column} must go by one name: give it in both"


def lost_key(table: Table, mapping: Mapping, sent: Collection[str]) -> str:
    """Why the rows could not be found at the destination any more; `sent` are the columns that come with old rows."""
    edited = mapping.edited(table.name, table.root)
    key = apply_key(table, table, sent)
    if key is None:
        return ""
    expected = renamed(table, mapping)
    left = [mapping.column(edited, column) for column in sent if mapping.travels(edited, column)]
    left += [mapping.origins[edited]] if edited in mapping.origins else []
    if apply_key(expected, expected, left) is not None:
        return ""
    gone = [column for column in key.columns if not mapping.travels(edited, column)]
    return f"{', '.join(gone)} of {table.name} cannot be left out: changes find their rows by it (index {key.name})"
