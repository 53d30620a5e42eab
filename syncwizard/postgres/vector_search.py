"""Searches nearest neighbours as an application does: by an approximate index, and exactly beside it."""

import math
from collections.abc import Iterable, Sequence

import msgspec
from psycopg import sql

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, predicate, quoted
from syncwizard.task.names import TableName
from syncwizard.task.verification import VectorNorms

# What a session may set, and its greatest value (pgvector's README).
SETTINGS = {"hnsw": ("hnsw.ef_search", 1000), "ivfflat": ("ivfflat.probes", 32768)}
# The function that gives the norm of a type's values, and whether the type has dimensions of its own.
NORMS = {"vector": "vector_norm", "halfvec": "l2_norm", "sparsevec": "l2_norm"}
DIMENSIONS = {"vector": "vector_dims", "halfvec": "vector_dims"}


class AnnIndex(msgspec.Struct, frozen=True, kw_only=True):
    """An approximate index: `expression` in the catalogue's words, `column` where it is one; `operator` by its schema
    and name; `type_name` with its dimensions, `kind` and `schema` of the type itself; `definition` is CREATE INDEX."""

    name: TableName
    method: str
    expression: str
    column: str | None
    type_name: str
    schema: str
    kind: str
    operator: tuple[str, str]
    options: tuple[str, ...]
    condition: str | None
    valid: bool
    definition: str

    @property
    def setting(self) -> str:
        """What a session sets for more accurate results."""
        return SETTINGS[self.method][0]


def read_ann_indexes(connection: Connection, oids: Iterable[int]) -> dict[int, list[AnnIndex]]:
    """Those of some tables, by the table's OID."""
    found: dict[int, list[AnnIndex]] = {}
    for row in connection.execute(query("vector_search_indexes"), (list(oids),)):
        oid, schema, name, method, expression, column, type_name, of, kind, *operator, options, part, valid, text = row
        found.setdefault(oid, []).append(
            AnnIndex(
                name=TableName(schema, name),
                method=method,
                expression=expression,
                column=column,
                type_name=type_name,
                schema=of,
                kind=kind,
                operator=(operator[0], operator[1]),
                options=tuple(options),
                condition=part,
                valid=valid,
                definition=text,
            )
        )
    return found


def sample_vectors(connection: Connection, table: TableName, index: AnnIndex, number: int) -> list[str]:
    """Some values of the table at random, to be searched for; as texts, which are exact."""
    statement = sql.SQL("SELECT ({})::text FROM ONLY {} WHERE ({}) IS NOT NULL{} ORDER BY pg_catalog.random() LIMIT {}")
    expression = predicate(index.expression)
    return [
        text
        for (text,) in connection.execute(
            statement.format(expression, _of(table), expression, _condition(index, " AND "), number)
        )
    ]


def nearest(connection: Connection, table: TableName, index: AnnIndex, wanted: str, number: int) -> list[float]:
    """The distances of the nearest neighbours, as the session is set to find them."""
    rows = connection.execute(_search(table, index, wanted, number))
    return [float(found) for (found,) in rows if found is not None and not math.isnan(found)]


def search_exactly(connection: Connection) -> None:
    """Until the end of the transaction: no index."""
    _set(connection, {"enable_indexscan": "off", "enable_seqscan": "on", "enable_sort": "on"})


def search_by_index(connection: Connection, index: AnnIndex, value: int | None) -> None:
    """Until the end of the transaction: by an index, with so many candidates or lists (None: as the server is set)."""
    settings = {"enable_indexscan": "on", "enable_seqscan": "off", "enable_sort": "off"}
    _set(connection, settings if value is None else settings | {index.setting: str(value)})


def uses(connection: Connection, table: TableName, index: AnnIndex, wanted: str, number: int) -> bool:
    """Whether the planner takes the index for a search, as the session is set."""
    row = connection.execute(sql.SQL("EXPLAIN (FORMAT json) ") + _search(table, index, wanted, number)).fetchone()
    nodes = [each["Plan"] for each in row[0]] if row else []
    while nodes:
        node = nodes.pop()
        if node.get("Index Name") == index.name.name:
            return True
        nodes += node.get("Plans", ())
    return False


def read_setting(connection: Connection, index: AnnIndex) -> int | None:
    """What the server is set to; None where pgvector is not loaded yet and nothing is set."""
    row = connection.execute("SELECT pg_catalog.current_setting(%s, true)", (index.setting,)).fetchone()
    return int(row[0]) if row and row[0] else None


def read_norms(connection: Connection, table: TableName, index: AnnIndex) -> VectorNorms:
    """Of all values of what is indexed."""
    value = predicate(index.expression)
    norm, dimensions = NORMS.get(index.kind), DIMENSIONS.get(index.kind)
    row = connection.execute(
        sql.SQL(
            "SELECT pg_catalog.count(*), pg_catalog.count(v), pg_catalog.count(*) FILTER (WHERE n = 0),"
            " pg_catalog.min(d), pg_catalog.max(d), pg_catalog.min(n), pg_catalog.avg(n), pg_catalog.max(n)"
            " FROM (SELECT {} AS v, {} AS n, {} AS d FROM ONLY {}) AS r"
        ).format(
            value,
            sql.SQL("{}({})").format(quoted(index.schema, norm), value) if norm else sql.SQL("NULL::float8"),
            sql.SQL("{}({})").format(quoted(index.schema, dimensions), value) if dimensions else sql.SQL("NULL::int"),
            _of(table),
        )
    ).fetchone()
    if row is None:
        raise RuntimeError("an aggregate without a row")
    rows, filled, zeros, least_dimensions, most_dimensions, least, mean, greatest = row
    return VectorNorms(
        rows=rows,
        nulls=rows - filled,
        zeros=zeros,
        least_dimensions=least_dimensions,
        most_dimensions=most_dimensions,
        least=least,
        mean=mean,
        greatest=greatest,
    )


def recall(found: Sequence[float], exact: Sequence[float]) -> int:
    """How many of those found are no farther than the farthest of the exact ones, which are the nearest there are.

    >>> recall([1.0, 2.0, 2.0], [1.0, 1.5, 2.0]), recall([1.0, 3.0], [1.0, 1.5, 2.0])
    (3, 1)
    """
    return sum(distance <= exact[-1] for distance in found) if exact else 0


def _search(table: TableName, index: AnnIndex, wanted: str, number: int) -> sql.Composed:
    schema, name = index.operator
    distance = sql.SQL("{} OPERATOR({}.{}) {}::{}").format(
        predicate(index.expression),
        sql.Identifier(schema),
        _words(name),
        sql.Literal(wanted),
        _words(index.type_name),
    )
    return sql.SQL("SELECT ({})::float8 FROM ONLY {}{} ORDER BY {} LIMIT {}").format(
        distance, _of(table), _condition(index, " WHERE "), distance, number
    )


def _words(text: str) -> sql.Composed:
    """Words of the catalogue that stand without brackets: an operator, a type."""
    return sql.Composed([sql.SQL(text)])  # type: ignore[arg-type, unused-ignore]


def _of(table: TableName) -> sql.Identifier:
    return quoted(table.schema, table.name)


def _condition(index: AnnIndex, before: str) -> sql.Composable:
    if index.condition is None:
        return sql.SQL("")
    return sql.SQL("{}{}").format(_words(before), predicate(index.condition))


def _set(connection: Connection, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
