"""Tables as the catalogue of an end describes them: columns, keys, partitions, sizes. No query per table."""

import re
from collections.abc import Iterable

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.structure.table import Column, Index, Table, TypeFacts, ValueType
from syncwizard.task.names import TableName


def database_of(connection: Connection) -> str:
    """The name of the session's database."""
    return connection.info.dbname


def read_types(connection: Connection, oids: Iterable[int]) -> dict[int, TypeFacts]:
    """Types by their OIDs; those that are gone are left out."""
    return {
        oid: TypeFacts(type=ValueType(name, structure), binary=binary, textual=textual, local=local)
        for oid, name, structure, binary, textual, local in connection.execute(query("catalog_types"), (list(oids),))
    }


def _read_columns(connection: Connection, wanted: dict[str, list[str] | None]) -> dict[int, list[Column]]:
    """The columns by the OID of their table."""
    rows = connection.execute(query("catalog_columns"), wanted).fetchall()
    types = read_types(connection, {row[3] for row in rows})
    columns: dict[int, list[Column]] = {}
    for oid, name, number, type_oid, not_null, identity, generated, declared_type, long, exact, enumerated in rows:
        facts = types.get(type_oid)
        if facts is None:
            # Dropped in this very moment, and the column with it.
            continue
        columns.setdefault(oid, []).append(
            Column(
                name=name,
                number=number,
                type=facts.type,
                declared_type=declared_type,
                not_null=not_null,
                identity=identity,
                generated=generated,
                binary=facts.binary,
                textual=facts.textual,
                local=facts.local,
                long=long,
                exact=exact,
                enumerated=enumerated,
            )
        )
    return columns


def _predicate(condition: str) -> str:
    """What an extension puts behind a table's name to get the rows of users, without its WHERE.

    >>> _predicate("WHERE NOT (srid BETWEEN 2000 AND 2001)"), _predicate("")
    ('NOT (srid BETWEEN 2000 AND 2001)', '')
    """
    return re.sub(r"\A\s*where\b\s*", "", condition, flags=re.IGNORECASE).strip()


def read_tables(
    connection: Connection, schemas: Iterable[str], *, sizes: bool = True, named: Iterable[str] | None = None
) -> list[Table]:
    """All ordinary and partitioned tables of the schemas, with columns and unique indexes, ordered by name.

    Five queries whatever the number of tables. Unlogged and temporary tables are listed with their persistence.
    Without `sizes` both byte counts are 0, and no table's lock is waited for. `named`: only those of these names.
    """
    names = list(schemas)
    wanted = {"schemas": names, "names": None if named is None else list(named)}
    columns = _read_columns(connection, wanted)
    indexes: dict[int, list[Index]] = {}
    for oid, *rest in connection.execute(query("catalog_unique_indexes"), wanted):
        indexes.setdefault(oid, []).append(
            Index(
                name=rest[0],
                oid=rest[1],
                columns=tuple(rest[2]),
                primary=rest[3],
                immediate=rest[4],
                complete=rest[5],
                valid=rest[6],
                replica_identity=rest[7],
                collations=tuple(rest[8]),
                temporal=rest[9],
            )
        )
    hashed: dict[int, str] = dict(connection.execute(query("hashed_partitions"), (names,)).fetchall())
    return [
        Table(
            oid=row[0],
            name=TableName(row[1], row[2]),
            kind=row[3],
            is_partition=row[4],
            root=TableName(row[5], row[6]),
            persistence=row[7],
            replica_identity=row[8],
            owned=row[9],
            estimated_rows=row[10],
            heap_bytes=row[11],
            bytes=row[12],
            hashed=hashed.get(row[0], ""),
            extension=row[13],
            configured=bool(row[14]),
            condition=_predicate(row[15] or ""),
            columns=tuple(columns.get(row[0], ())),
            unique_indexes=tuple(indexes.get(row[0], ())),
        )
        for row in connection.execute(query("catalog_tables"), {**wanted, "sizes": sizes})
    ]
