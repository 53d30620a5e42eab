"""What the destination keeps of the definitions that are followed: what each table is like by now, and what was done,
both written in the transaction that did it (rule 23)."""

import uuid
from collections.abc import Collection, Iterable

import msgspec

from syncwizard.postgres.session.connection import Connection
from syncwizard.structure.definition import Definition, parse_definition
from syncwizard.task.events import DefinitionFollowed


class Followed:
    """The definitions that the destination has of one task's tables, by the source's OIDs."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def read(self) -> dict[int, Definition]:
        """All of them; in the layout that has them."""
        rows = self._connection.execute(
            "SELECT relation, definition FROM syncwizard.followed WHERE task_id = %s", (self._task_id,)
        )
        return {relation: parse_definition(text) for relation, text in rows}

    def note(self, definitions: Iterable[Definition]) -> None:
        """What the destination has from here on. In the caller's transaction."""
        rows = [(each.relation, msgspec.json.encode(each).decode()) for each in definitions]
        self._connection.execute(
            "INSERT INTO syncwizard.followed AS f (task_id, relation, definition)"
            " SELECT %s, * FROM unnest(%s::bigint[], %s::text[])"
            " ON CONFLICT (task_id, relation) DO UPDATE SET definition = excluded.definition",
            (self._task_id, [relation for relation, _ in rows], [text for _, text in rows]),
        )

    def forget(self, relations: Collection[int] | None = None) -> None:
        """These tables, or all, are not followed any more. In the caller's transaction."""
        if relations is None:
            self._connection.execute("DELETE FROM syncwizard.followed WHERE task_id = %s", (self._task_id,))
            return
        self._connection.execute(
            "DELETE FROM syncwizard.followed WHERE task_id = %s AND relation = ANY (%s)",
            (self._task_id, list(relations)),
        )

    def log(self, what: DefinitionFollowed) -> DefinitionFollowed:
        """Keeps what was done, under the next number. In the caller's transaction."""
        row = self._connection.execute(
            "INSERT INTO syncwizard.definitions_followed (task_id, event) VALUES (%s, %s) RETURNING number",
            (self._task_id, msgspec.json.encode(what).decode()),
        ).fetchone()
        assert row is not None
        return msgspec.structs.replace(what, number=row[0])

    def read_log(self, after: int) -> list[DefinitionFollowed]:
        """What was done beyond a number, in its order."""
        rows = self._connection.execute(
            "SELECT number, event FROM syncwizard.definitions_followed WHERE task_id = %s AND number > %s"
            " ORDER BY number",
            (self._task_id, after),
        )
        return [
            msgspec.structs.replace(msgspec.json.decode(text, type=DefinitionFollowed), number=number)
            for number, text in rows
        ]
