"""What a database holds as definitions, statement by statement, for comparison."""

from pathlib import Path

from syncwizard.postgres.dump import DumpRequest, dump_definitions, find_programs
from syncwizard.structure.parse import parse_dump
from syncwizard.task.specification import Endpoint


def definitions(endpoint: Endpoint, schemas: list[str], folder: Path) -> set[str]:
    """Every definition of the schemas as the newest pg_dump of this machine writes it, in no order."""
    dump = dump_definitions(
        find_programs()[-1],
        endpoint,
        DumpRequest(schemas=schemas, without=[], snapshot=None, privileges=True),
        password=None,
        key_password=None,
        folder=folder,
        check=lambda: None,
    )
    return {statement.text for statement in parse_dump(dump)}
