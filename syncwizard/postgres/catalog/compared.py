"""What the definitions of some objects are at one end, as texts to compare."""

from collections.abc import Iterable

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.structure.definitions import Definition
from syncwizard.structure.needs import Needs


def read_definitions(connection: Connection, needs: Needs) -> list[Definition]:
    """Those of what a task needs, as far as this end has it."""
    relations = {(name.schema, name.name) for name in needs.all_tables | needs.extension_tables}
    relations |= {(name.schema, name.name) for name in needs.views}
    parameters = {
        "schemas": [schema for schema, _ in sorted(relations)],
        "names": [name for _, name in sorted(relations)],
        **_names("function", {(name.schema, name.name) for name in needs.functions}),
        **_names("type", {(name.schema, name.name) for name in needs.types}),
        "extensions": [extension.name for extension in needs.extensions],
    }
    return [
        Definition(kind=kind, relation=relation or "", name=name, text=" ".join((text or "").split()), state=state)
        for kind, relation, name, text, state in connection.execute(query("definitions_compared"), parameters)
    ]


def _names(what: str, names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    chosen = sorted(names)
    return {f"{what}_schemas": [schema for schema, _ in chosen], f"{what}_names": [name for _, name in chosen]}
