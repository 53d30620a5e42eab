"""Sentences on verifications, for people."""

from syncwizard.task.facts import describe_failure
from syncwizard.task.state import Verification
from syncwizard.task.text import counted, local_time
from syncwizard.task.verification import WHOLE, TableVerification, VectorIndexVerification, VerificationOrder

HOUR_SECONDS = 3600


def describe_verified(found: TableVerification) -> str:
    """What the comparison of a table found, in one line.

    >>> from syncwizard.task.names import TableName
    >>> describe_verified(TableVerification(table=TableName("a", "b"), verdict="equal", source_rows=5, lsn="0/1"))
    'a.b is equal at both ends: 5 rows'
    >>> describe_verified(TableVerification(table=TableName("a", "b"), verdict="different", changed=2, only_source=1))
    'a.b differs: 2 rows changed, 1 row only at the source'
    >>> describe_verified(TableVerification(table=TableName("a", "b"), verdict="equal", source_rows=5, sample=10))
    'a.b is equal at both ends in a sample of 10 %: 5 rows'
    """
    if found.verdict == "unverified":
        return f"{found.table} could not be compared: {found.reason}"
    if found.vectors:
        return f"{found.table}: " + "; ".join(map(describe_searches, found.vectors))
    missing = f"{counted(found.only_source, 'row')} only at the source" if found.only_source else ""
    extra = f"{counted(found.only_destination, 'row')} only at the destination" if found.only_destination else ""
    sample = f" in a sample of {found.sample} %" if found.sample < WHOLE else ""
    if found.verdict == "equal":
        kept = "".join(f", and {each}" for each in (missing, extra) if each)
        return f"{found.table} is equal at both ends{sample}: {counted(found.source_rows, 'row')}{kept}"
    parts = [f"{counted(found.changed, 'row')} changed" if found.changed else "", missing, extra]
    least = "at least " if found.more else ""
    return f"{found.table} differs{sample}: {least}{', '.join(filter(None, parts))}"


def describe_searches(found: VectorIndexVerification) -> str:
    """What searches by a vector index find at both ends, in one line."""
    name = found.source_index or found.destination_index
    recalls = " and ".join(map(_recall, (found.source_recall, found.destination_recall)))
    parts = [f"{name} finds {recalls} of the {found.k} nearest (source and destination)"]
    if found.same_neighbours < found.queries:
        other = found.queries - found.same_neighbours
        parts.append(f"exact neighbours differ for {other:,} of {counted(found.queries, 'search', 'searches')}")
    if not found.source_norms.same_as(found.destination_norms):
        parts.append("norms or dimensions differ")
    if found.worse:
        parts.append(f"worse at the destination: {'; '.join(found.statements)}")
    return ", ".join(parts)


def _recall(share: float | None) -> str:
    return "nothing (no such index is used)" if share is None else f"{100 * share:.1f} %"


def describe_definitions_verified(compared: int, different: int) -> str:
    """How many definitions differ, in one line.

    >>> describe_definitions_verified(20, 0), describe_definitions_verified(20, 1)
    ('20 definitions are equal at both ends', '1 of 20 definitions differs')
    """
    if not different:
        return f"{counted(compared, 'definition')} are equal at both ends"
    return f"{different:,} of {counted(compared, 'definition')} {'differs' if different == 1 else 'differ'}"


def describe_scope(order: VerificationOrder) -> str:
    """What an order compares, and how, in one line.

    >>> import uuid
    >>> describe_scope(VerificationOrder(id=uuid.UUID(int=0)))
    'every row'
    >>> describe_scope(VerificationOrder(id=uuid.UUID(int=0), sample=20, ignore_extra=True, rows_per_second=5000))
    '20 % of the rows; rows that only the destination has are no difference; at most 5,000 rows/s at each end'
    """
    if order.mode == "schema":
        return "definitions"
    if order.mode == "vectors":
        return f"the {order.vectors.k} nearest of {order.vectors.queries} searches by each vector index"
    share = "every row" if order.sample == WHOLE else f"{order.sample} % of the rows"
    parts = ["the numbers of rows" if order.mode == "counts" else share]
    parts += ["rows that only the source has are no difference"] if order.ignore_missing else []
    parts += ["rows that only the destination has are no difference"] if order.ignore_extra else []
    limits = [f"{order.rows_per_second:,} rows/s"] if order.rows_per_second else []
    limits += [f"{order.megabytes_per_second:,} MB/s"] if order.megabytes_per_second else []
    parts += [f"at most {' and '.join(limits)} at each end"] if limits else []
    parts += [f"for {order.longest_hours} h at most"] if order.longest_hours else []
    return "; ".join(parts)


def describe_verification(found: Verification) -> str:
    """How a verification stands, in one line."""
    counts = [(len(found.of("equal")), "equal"), (len(found.of("different")), "different")]
    counts.append((len(found.of("unverified")), "not compared"))
    text = ", ".join(f"{number:,} {word}" for number, word in counts if number or word == "equal")
    if found.ended_at is None:
        done = f"{len(found.tables):,} of {counted(found.total, 'table')}"
        return f"verification since {local_time(found.started_at)}: {done}, {text}"
    if found.order.mode == "schema":
        text = describe_definitions_verified(found.definitions, len(found.differences))
    else:
        sample = f" in a sample of {found.order.sample} %" if found.order.sample < WHOLE else ""
        text = f"{counted(found.total, 'table')}, {text}{sample}"
    end = f"verification of {local_time(found.ended_at)}: {text}"
    if found.failure is not None:
        return f"{end}; ended early: {describe_failure(found.failure)}"
    return f"{end}; {_stopped(found)}" if found.stopped else end


def _stopped(found: Verification) -> str:
    hours, ended = found.order.longest_hours, found.ended_at or found.started_at
    longest = hours and ended - found.started_at >= hours * HOUR_SECONDS
    return f"stopped after its longest time of {hours} h" if longest else "stopped"
