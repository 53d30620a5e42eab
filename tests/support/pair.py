"""A source and a destination database of one test, and task specifications over them."""

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
import psycopg.conninfo

from syncwizard.demo.servers import Cluster
from syncwizard.postgres.session.connection import conninfo_of
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec

Session = psycopg.Connection[tuple[Any, ...]]


def copy_name(source: Cluster, destination: Cluster, database: str) -> str:
    """What the destination's database is called: as the source's, unless one server has both."""
    return f"{database}_copy" if source is destination else database


@dataclass
class DatabasePair:
    """Two fresh databases; `source` and `destination` are autocommit sessions of the superuser.

    `database` is the name of both, but for the destination on a server that has both.
    """

    source_cluster: Cluster
    destination_cluster: Cluster
    database: str
    source: Session
    destination: Session

    @property
    def source_endpoint(self) -> Endpoint:
        """The source as an end of a task."""
        return self.source_cluster.endpoint(self.database)

    @property
    def destination_endpoint(self) -> Endpoint:
        """The destination as an end of a task."""
        return self.destination_cluster.endpoint(self.destination_database)

    @property
    def source_address(self) -> str:
        """Where applications connect to the source."""
        return self._address(self.source_endpoint)

    @property
    def destination_address(self) -> str:
        """Where applications connect to the destination."""
        return self._address(self.destination_endpoint)

    @staticmethod
    def _address(endpoint: Endpoint) -> str:
        return psycopg.conninfo.make_conninfo("", **conninfo_of(endpoint, None))

    @property
    def destination_database(self) -> str:
        """The destination's database."""
        return copy_name(self.source_cluster, self.destination_cluster, self.database)

    def spec(self, objects: list[SchemaObjects] | None = None, *, name: str = "test", **fields: Any) -> TaskSpec:
        """A task over the two databases with an id; without `objects` the whole schema `public`."""
        given: dict[str, Any] = {
            "id": uuid.uuid4(),
            "name": name,
            "source": self.source_endpoint,
            "destination": self.destination_endpoint,
            "objects": objects if objects is not None else [SchemaObjects(schema="public")],
        }
        return TaskSpec(**{**given, **fields})

    def reconnect(self) -> None:
        """Opens both sessions again, after a server was restarted."""
        self.close()
        self.source = self.source_cluster.connect(self.database)
        self.destination = self.destination_cluster.connect(self.destination_database)

    def close(self) -> None:
        """Closes both sessions."""
        self.source.close()
        self.destination.close()
