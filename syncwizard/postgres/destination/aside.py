"""Which tables of a task are set aside: what the destination records decides whether their changes are applied."""

import uuid
from collections.abc import Iterable

import msgspec

from syncwizard.errors import Fenced
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.events import TableSetAside
from syncwizard.task.names import TableName


class Aside:
    """The tables of one task that are set aside."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def note(self, events: Iterable[TableSetAside], epoch: int | None = None) -> None:
        """Sets tables aside, from the next apply session on; a later reason takes the place of an earlier one.

        With an epoch, in which alone it is true. Raises Fenced when that has passed.
        """
        for event in events:
            noted = self._connection.execute(
                "INSERT INTO syncwizard.aside AS a (task_id, schema_name, table_name, event)"
                " SELECT p.task_id, %s, %s, %s FROM syncwizard.progress p"
                " WHERE p.task_id = %s AND p.epoch = coalesce(%s, p.epoch)"
                " ON CONFLICT (task_id, schema_name, table_name) DO UPDATE SET event = excluded.event",
                (event.table.schema, event.table.name, msgspec.json.encode(event).decode(), self._task_id, epoch),
            ).rowcount
            if noted != 1:
                raise Fenced("another engine took over this task", where="destination")

    def read(self) -> list[TableSetAside]:
        """Those that are set aside, by name."""
        rows = self._connection.execute(
            "SELECT event FROM syncwizard.aside WHERE task_id = %s ORDER BY schema_name, table_name", (self._task_id,)
        )
        return [msgspec.json.decode(event, type=TableSetAside) for (event,) in rows]

    def forget(self, tables: Iterable[TableName], epoch: int) -> None:
        """Of tables that are gone, and of which no more changes come. Raises Fenced when the epoch has passed."""
        for table in tables:
            forgotten = self._connection.execute(
                "DELETE FROM syncwizard.aside a USING syncwizard.progress p WHERE a.task_id = %s"
                " AND a.schema_name = %s AND a.table_name = %s AND p.task_id = a.task_id AND p.epoch = %s",
                (self._task_id, table.schema, table.name, epoch),
            ).rowcount
            if forgotten != 1:
                raise Fenced("another engine took over this task", where="destination")

    def take_back(self, tables: Iterable[TableName]) -> None:
        """Lets tables that are copied again join the others. In the caller's transaction."""
        names = set(tables)
        joining = [event.table for event in self.read() if names.intersection(event.names)]
        for table in joining:
            self._connection.execute(
                "DELETE FROM syncwizard.aside WHERE task_id = %s AND schema_name = %s AND table_name = %s",
                (self._task_id, table.schema, table.name),
            )
