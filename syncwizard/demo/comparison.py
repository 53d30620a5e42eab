"""Compares the two ends of the demo: every row of every table, sequences, and what a search for neighbours answers."""

from typing import Any

import msgspec
import psycopg
from psycopg import sql

from syncwizard.demo.knowledge_base import TABLES
from syncwizard.postgres.session.connection import SESSION_SETTINGS

Session = psycopg.Connection[tuple[Any, ...]]

SAMPLE_VECTORS = 50
NEIGHBOURS = 10


class TableContent(msgspec.Struct, frozen=True):
    """Number of rows, and the sum of a hash of each row as text: the same for the same rows in any order."""

    rows: int
    hash: int


class TableComparison(msgspec.Struct, frozen=True):
    """One table at both ends."""

    table: str
    source: TableContent
    destination: TableContent

    @property
    def equal(self) -> bool:
        """Whether both ends hold the same rows."""
        return self.source == self.destination


class Neighbour(msgspec.Struct, frozen=True):
    """A passage found, and how far it is (cosine distance, 0 to 2)."""

    id: int
    distance: float


class NeighbourComparison(msgspec.Struct, frozen=True):
    """Searches for the nearest passages: how many exact ones agree, and what share of them the HNSW indexes find."""

    vectors: int
    equal: int
    source_recall: float
    destination_recall: float


class SequenceComparison(msgspec.Struct, frozen=True):
    """How many sequences there are at the source, and which have another last value at the destination."""

    count: int
    different: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """All that was compared."""

    tables: tuple[TableComparison, ...]
    sequences: SequenceComparison
    neighbours: NeighbourComparison

    @property
    def equal(self) -> bool:
        """Whether no difference was found."""
        alike = all(table.equal for table in self.tables) and not self.sequences.different
        return alike and self.neighbours.equal == self.neighbours.vectors


def compare(source: Session, destination: Session) -> Comparison:
    """Compares both ends while nothing is written; the sessions' settings are changed."""
    for session in (source, destination):
        for name, value in SESSION_SETTINGS.items():
            if name != "search_path":  # the operators of pgvector are found by it
                session.execute("SELECT set_config(%s, %s, false)", (name, value))
    tables = tuple(
        TableComparison(table, table_content(source, table), table_content(destination, table)) for table in TABLES
    )
    return Comparison(tables, compare_sequences(source, destination), compare_neighbours(source, destination))


def compare_sequences(source: Session, destination: Session) -> SequenceComparison:
    """Compares the last values of all sequences."""
    query = "SELECT sequencename, last_value FROM pg_catalog.pg_sequences WHERE schemaname = 'kb' ORDER BY 1"
    here: dict[str, int | None] = dict(source.execute(query).fetchall())
    there: dict[str, int | None] = dict(destination.execute(query).fetchall())
    different = [name for name in sorted(here.keys() | there.keys()) if here.get(name, -1) != there.get(name, -1)]
    return SequenceComparison(len(here), tuple(different))


def table_content(session: Session, table: str) -> TableContent:
    """Counts and hashes a table at its server. A sum, since an exclusive or would not see a row doubled twice."""
    query = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} AS t")
    found = session.execute(query.format(sql.Identifier("kb", table))).fetchone()
    assert found is not None
    return TableContent(int(found[0]), int(found[1]))


def compare_neighbours(source: Session, destination: Session) -> NeighbourComparison:
    """Asks both ends for the neighbours of the same vectors, with and without the index."""
    vectors = sample_vectors(source)
    equal = 0
    hits = {"source": 0, "destination": 0}
    for vector in vectors:
        exact = {"source": exact_neighbours(source, vector), "destination": exact_neighbours(destination, vector)}
        equal += exact["source"] == exact["destination"]
        hits["source"] += found_by_index(source, vector, exact["source"])
        hits["destination"] += found_by_index(destination, vector, exact["destination"])
    asked = max(1, len(vectors) * NEIGHBOURS)
    return NeighbourComparison(len(vectors), equal, hits["source"] / asked, hits["destination"] / asked)


def sample_vectors(session: Session) -> list[str]:
    """Vectors evenly spread over the passages, in pgvector's text form."""
    found = session.execute(
        "SELECT embedding::text FROM (SELECT embedding, row_number() OVER (ORDER BY id) - 1 AS place,"
        " greatest(1, count(*) OVER () / %(wanted)s) AS step FROM kb.passages) AS numbered"
        " WHERE place %% step = 0 ORDER BY place LIMIT %(wanted)s",
        {"wanted": SAMPLE_VECTORS},
    )
    return [text for (text,) in found]


def exact_neighbours(session: Session, vector: str) -> list[Neighbour]:
    """The nearest passages by reading all of them; equal distances in order of the id."""
    return _nearest(session, vector, avoided="enable_indexscan", order=sql.SQL("distance, id"))


def found_by_index(session: Session, vector: str, exact: list[Neighbour]) -> int:
    """How many of the answers that the HNSW index gives are as near as the exact ones."""
    if not exact:
        return 0
    # The distance counts, not the id: of passages that are equally near, either answer is right.
    farthest = exact[-1].distance
    found = _nearest(session, vector, avoided="enable_seqscan", order=sql.SQL("distance"))
    return sum(neighbour.distance <= farthest for neighbour in found)


def _nearest(session: Session, vector: str, *, avoided: str, order: sql.SQL) -> list[Neighbour]:
    query = sql.SQL("SELECT id, embedding <=> %s::vector AS distance FROM kb.passages ORDER BY {} LIMIT %s")
    with session.transaction():
        session.execute("SELECT set_config(%s, 'off', true)", (avoided,))
        found = session.execute(query.format(order), (vector, NEIGHBOURS)).fetchall()
    return [Neighbour(int(number), float(distance)) for number, distance in found]
