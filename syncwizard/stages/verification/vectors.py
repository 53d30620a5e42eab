"""Compares what approximate indexes find at both ends: recall@k of the same searches, beside exact neighbours, and the
norms and dimensions of what they index."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import msgspec

from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.vector_search import (
    SETTINGS,
    AnnIndex,
    nearest,
    read_ann_indexes,
    read_norms,
    read_setting,
    recall,
    sample_vectors,
    search_by_index,
    search_exactly,
    uses,
)
from syncwizard.stages.verification.units import Unit
from syncwizard.task.names import TableName, quote
from syncwizard.task.verification import VectorIndexVerification, VectorSearch

# Sampled searches say no more.
TOLERANCE = 0.02

T = TypeVar("T")


class Both(Protocol):
    """Reads at both ends at the same time."""

    def __call__(self, here: Callable[[Connection], T], there: Callable[[Connection], T]) -> tuple[T, T]: ...


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """The searches at one end: the distances of exact neighbours, and how many of them the index found, with what the
    session was set to. `used`: the planner takes the index."""

    exact: list[list[float]]
    hits: int = 0
    used: bool = False
    setting: int | None = None

    @property
    def recall(self) -> float | None:
        """Share of the exact neighbours that the index found; None where it found none because it is not used."""
        wanted = sum(map(len, self.exact))
        return self.hits / wanted if wanted and self.used else None


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An index of the source, and that of the destination for the same searches; one of them may be missing."""

    here: AnnIndex | None
    there: AnnIndex | None

    @property
    def any(self) -> AnnIndex:
        """What both index, and by which operator."""
        found = self.here or self.there
        assert found is not None
        return found


def indexed(source: Connection, destination: Connection, units: Sequence[Unit]) -> list[Unit]:
    """The units that have approximate indexes at an end."""
    ours = read_ann_indexes(source, [reading.oid for unit in units for reading in unit.source])
    theirs = read_ann_indexes(destination, [reading.oid for unit in units for reading in unit.destination])
    return [
        unit
        for unit in units
        if any(each.oid in ours for each in unit.source) or any(each.oid in theirs for each in unit.destination)
    ]


def why_not(unit: Unit) -> str:
    """Why searches in a table cannot be compared; empty where they can."""
    if unit.reason:
        return unit.reason
    if len(unit.source) != 1 or len(unit.destination) != 1:
        return "its rows are in partitions that differ between the ends"
    if unit.source[0].rows or unit.source[0].condition or unit.destination[0].condition:
        return "its rows are selected or changed on their way, so that the ends have other neighbours"
    return ""


def search(source: Connection, both: Both, unit: Unit, order: VectorSearch) -> Iterator[VectorIndexVerification]:
    """What each index of the table finds at both ends, in transactions that see one moment."""
    here, there = unit.source[0], unit.destination[0]
    ours, theirs = both(
        lambda session: read_ann_indexes(session, [here.oid]).get(here.oid, []),
        lambda session: read_ann_indexes(session, [there.oid]).get(there.oid, []),
    )
    for pair in _pairs(ours, theirs):
        wanted = sample_vectors(source, here.relation, pair.any, order.queries)
        yield _compare(both, pair, wanted, order, here.relation, there.relation)


def _pairs(ours: Sequence[AnnIndex], theirs: Sequence[AnnIndex]) -> list[_Pair]:
    """By what is indexed and the operator, the same method first."""

    def of(index: AnnIndex) -> tuple[str, str, str, str | None]:
        return index.expression, index.kind, index.operator[1], index.condition

    left = list(theirs)
    pairs = []
    for index in ours:
        same = [each for each in left if of(each) == of(index)]
        found = next((each for each in same if each.method == index.method), same[0] if same else None)
        if found is not None:
            left.remove(found)
        pairs.append(_Pair(here=index, there=found))
    return pairs + [_Pair(here=None, there=each) for each in left]


def _compare(
    both: Both, pair: _Pair, wanted: list[str], order: VectorSearch, here: TableName, there: TableName
) -> VectorIndexVerification:
    index = pair.any
    norms = both(lambda session: read_norms(session, here, index), lambda session: read_norms(session, there, index))
    exact = both(
        lambda session: _exactly(session, here, index, wanted, order),
        lambda session: _exactly(session, there, index, wanted, order),
    )
    found = both(
        lambda session: _search(session, here, pair.here, wanted, exact[0], order),
        lambda session: _search(session, there, pair.there, wanted, exact[1], order),
    )
    needed = None
    worse = _is_worse(pair, found)
    if worse and pair.there is not None and found[1].used:
        target, index_there = found[0].recall or 1.0, pair.there
        _, needed = both(
            lambda session: None, lambda session: _needed(session, there, index_there, wanted, exact[1], order, target)
        )
    return VectorIndexVerification(
        expression=index.expression,
        operator=index.operator[1],
        source_index=str(pair.here.name) if pair.here else None,
        destination_index=str(pair.there.name) if pair.there else None,
        k=order.k,
        queries=len(wanted),
        same_neighbours=sum(ours == theirs for ours, theirs in zip(*exact, strict=True)),
        source_recall=found[0].recall,
        destination_recall=found[1].recall,
        setting=index.setting,
        source_value=found[0].setting,
        destination_value=found[1].setting,
        source_norms=norms[0],
        destination_norms=norms[1],
        worse=worse,
        needed=needed,
        statements=_statements(pair, found, needed, there) if worse else (),
    )


def _is_worse(pair: _Pair, found: tuple[_Found, _Found]) -> bool:
    """Whether searches at the destination are less accurate, or no index serves them."""
    if pair.here is None or found[0].recall is None:
        return False
    return found[1].recall is None or found[1].recall < found[0].recall - TOLERANCE


def _exactly(
    session: Connection, table: TableName, index: AnnIndex, wanted: list[str], order: VectorSearch
) -> list[list[float]]:
    search_exactly(session)
    return [nearest(session, table, index, each, order.k) for each in wanted]


def _search(
    session: Connection,
    table: TableName,
    index: AnnIndex | None,
    wanted: list[str],
    exact: list[list[float]],
    order: VectorSearch,
) -> _Found:
    if index is None or not index.valid or not wanted:
        return _Found(exact=exact)
    search_by_index(session, index, order.ef_search if index.method == "hnsw" else order.probes)
    if not uses(session, table, index, wanted[0], order.k):
        return _Found(exact=exact)
    hits = _hits(session, table, index, wanted, exact, order)
    return _Found(exact=exact, hits=hits, used=True, setting=read_setting(session, index))


def _hits(
    session: Connection,
    table: TableName,
    index: AnnIndex,
    wanted: list[str],
    exact: list[list[float]],
    order: VectorSearch,
) -> int:
    return sum(
        min(recall(nearest(session, table, index, each, order.k), known), len(known))
        for each, known in zip(wanted, exact, strict=True)
    )


def _needed(
    session: Connection,
    table: TableName,
    index: AnnIndex,
    wanted: list[str],
    exact: list[list[float]],
    order: VectorSearch,
    target: float,
) -> int | None:
    """The least value tried of the index's setting that finds as much as the source does; None where none does."""
    value, most = read_setting(session, index) or 1, SETTINGS[index.method][1]
    total = sum(map(len, exact))
    while value < most:
        value = min(2 * value, most)
        search_by_index(session, index, value)
        if _hits(session, table, index, wanted, exact, order) >= (target - TOLERANCE) * total:
            return value
    return None


def _statements(pair: _Pair, found: tuple[_Found, _Found], needed: int | None, there: TableName) -> tuple[str, ...]:
    """What makes the destination's searches as accurate as the source's, the cheapest first."""
    if pair.there is None:
        return (pair.here.definition,) if pair.here is not None else ()
    name = f"{quote(there.schema)}.{quote(pair.there.name.name)}"
    again = f"REINDEX INDEX CONCURRENTLY {name}"
    if not pair.there.valid or not found[1].used:
        return (again,)
    if needed is not None:
        return (f"SET {pair.there.setting} = {needed}",)
    if pair.here is None or pair.here.method != pair.there.method:
        return (again,)
    reset = [each.split("=")[0] for each in pair.there.options if each not in pair.here.options]
    ours = [each for each in pair.here.options if each not in pair.there.options]
    changes = [f"RESET ({', '.join(reset)})"] if reset else []
    changes += [f"SET ({', '.join(ours)})"] if ours else []
    return (*(f"ALTER INDEX {name} {each}" for each in changes), again)
