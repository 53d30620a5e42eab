"""Values of sequences, which logical replication does not carry: once after the rows, and again by command."""

from syncwizard.postgres.catalog.dependencies import read_needs
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.sequences import Sequence, next_value, read_sequences
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.events import SequencesSet, SequenceValue
from syncwizard.task.names import ObjectName, TableName


def copy_sequences(context: Context, offset: int = 0) -> SequencesSet:
    """Moves the destination's sequences to the source's values and `offset` beyond; says what both ends have then.

    Sequences that are ahead stay; those that are missing or not ours to read or set are named in `problems`.
    """
    with context.connect("source", "sequences") as source, context.destination("sequences") as destination:
        with translated("source", "reading sequences"):
            selection = select_tables(source, context.spec, sizes=False)
            needs = read_needs(source, context.spec, selection)
            names = [TableName(name.schema, name.name) for name in sorted(needs.sequences)]
            here = read_sequences(source, names)
        with translated("destination", "setting sequences"):
            targets = {}
            for name in names:
                own = ObjectName(name.schema, name.name)
                target = context.mapping.sequence(own, needs.sequence_owners.get(own))
                targets[name] = TableName(target.schema, target.name)
            there = destination.sequences.read(list(targets.values()))
            chosen: dict[int, tuple[int, bool]] = {}
            problems = []
            for name, sequence in here.items():
                other = there.get(targets[name])
                if sequence.last is None:
                    problems.append(f"{name} (no right to read it at the source)")
                elif other is None:
                    problems.append(f"{name} (not at the destination)")
                elif other.last is None or not other.writable:
                    problems.append(f"{name} (no right to read and set it at the destination)")
                elif (wanted := next_value(sequence, other, offset)) is not None:
                    chosen[other.oid] = wanted
            destination.sequences.set(chosen)
            after = destination.sequences.read(list(targets.values()))
    values = [
        SequenceValue(sequence=name, source=sequence.last, destination=_last(after.get(targets[name])))
        for name, sequence in here.items()
    ]
    return SequencesSet(count=len(chosen), values=values, problems=problems)


def _last(sequence: Sequence | None) -> int | None:
    return None if sequence is None else sequence.last


def run(context: Context, offset: int) -> None:
    """For the command: records every value."""
    context.record(copy_sequences(context, offset))
