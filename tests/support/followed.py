"""The definitions of tables at both ends, as the product itself reads them."""

from typing import Any

from syncwizard.postgres.queries import query
from syncwizard.structure.definition import Definition, parse_definition
from tests.support.pair import DatabasePair, Session


def definitions(session: Session, kind: str = "r") -> dict[str, Definition]:
    """Every table of schema public, without what each database has numbers of its own for. `kind`: as in pg_class."""
    relations = session.execute(
        "SELECT oid::bigint FROM pg_class WHERE relkind = %s AND relnamespace = 'public'::regnamespace"
        " AND relname !~ '^dts_'",
        (kind,),
    ).fetchall()
    found = {}
    for (relation,) in relations:
        text = query("table_definition").replace(":relation", str(relation))
        row = session.execute(text.encode()).fetchone()
        assert row is not None
        definition = parse_definition(row[0])
        found[definition.name] = definition
    return found


def plain(definition: Definition) -> tuple[Any, ...]:
    """What has to be the same at both ends."""
    columns = [
        (c.name, c.type, c.not_null, c.default, c.generated, c.identity, c.collation, c.comment)
        for c in definition.columns
    ]
    constraints = sorted((part.name, part.definition) for part in definition.constraints)
    indexes = sorted((part.name, part.definition) for part in definition.indexes)
    return columns, constraints, indexes, definition.comment


def assert_same_definitions(pair: DatabasePair) -> None:
    """Both ends have the same tables, as far as definitions are followed."""
    source, destination = definitions(pair.source), definitions(pair.destination)
    assert source.keys() == destination.keys()
    for name, definition in source.items():
        assert plain(destination[name]) == plain(definition), name
