"""The command `connections`: ends by name, to be used in task files as `connection: NAME`."""

from pathlib import Path
from typing import Any

import click
import msgspec

from syncwizard.cli.groups import SuggestingGroup
from syncwizard.cli.output import JSON, print_json, say, show, show_lines
from syncwizard.client import saved_connections
from syncwizard.secrets import keyring_trouble
from syncwizard.task.specification import Endpoint
from syncwizard.task.text import format_table

NAME = click.argument("name", metavar="NAME")
FILE = click.Path(dir_okay=False, path_type=Path)
SECRET = "pgpass|keyring|env:NAME|prompt"


@click.group(cls=SuggestingGroup)
def connections() -> None:
    """List, add and remove saved connections; a task file uses one as `source: {connection: NAME, database: …}`."""


@connections.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """Show the saved connections."""
    saved = saved_connections.list_connections()
    if as_json:
        print_json([_as_data(name, endpoint) for name, endpoint in saved.items()])
    elif saved:
        rows = [
            (name, endpoint.describe(), endpoint.user or "", endpoint.password, endpoint.encryption.mode)
            for name, endpoint in saved.items()
        ]
        show_lines(format_table(("NAME", "SERVER", "USER", "PASSWORD IN", "ENCRYPTION"), rows))
    else:
        say("no connection is saved; save one: syncwizard connections add NAME --host HOST")


@connections.command()
@NAME
@click.option("--type", "type_", type=click.Choice(["postgresql", "polardb-postgresql"]), help="Kind of server.")
@click.option("--service", metavar="NAME", help="A service of libpq's pg_service.conf.")
@click.option("--host", "hosts", metavar="HOST", multiple=True, help="Name, address or socket directory; repeatable.")
@click.option("--port", "ports", metavar="PORT", type=int, multiple=True, help="One for all hosts, or one for each.")
@click.option("--database", metavar="NAME", help="A task file may name another one.")
@click.option("--user", metavar="NAME", help="The account.")
@click.option("--password", metavar=SECRET, help="Where the password is kept; never the password itself.")
@click.option("--encryption", type=click.Choice(["disable", "require", "verify-ca", "verify-full"]), help="TLS mode.")
@click.option("--ca", type=FILE, help="Certificate of the authority.")
@click.option("--certificate", type=FILE, help="The client's certificate, with --key.")
@click.option("--key", type=FILE, help="The key of the client's certificate.")
@click.option("--key-password", metavar=SECRET, help="Where the password of the key is kept.")
@click.option("--ssh", metavar="USER@BASTION", help="Reach the server through this host.")
@click.option("--replace", is_flag=True, help="Replace the connection of this name.")
@JSON
def add(name: str, as_json: bool, replace: bool, **given: Any) -> None:
    """Save a connection. No secret is kept: only where one is to be found."""
    endpoint = saved_connections.add(name, _fields(given), replace=replace)
    if trouble := keyring_trouble(endpoint):
        say(trouble)
    if as_json:
        print_json(_as_data(name, endpoint))
    else:
        show(f"{name}  {endpoint.describe()}")


@connections.command()
@NAME
@JSON
def remove(name: str, as_json: bool) -> None:
    """Forget a saved connection; tasks that were started with it go on."""
    saved_connections.remove(name)
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        show(f"{name}  removed")


def _fields(given: dict[str, Any]) -> saved_connections.Fields:
    """The options as the keys of an end in a task file, those that were given."""
    files = {key: str(given[key].absolute()) for key in ("ca", "certificate", "key") if given[key]}
    encryption = {"mode": given["encryption"], **files, "key_password": given["key_password"]}
    fields = {
        "type": given["type_"],
        "service": given["service"],
        "host": _one_or_list(given["hosts"]),
        "port": _one_or_list(given["ports"]),
        "database": given["database"],
        "user": given["user"],
        "password": given["password"],
        "encryption": {key: value for key, value in encryption.items() if value is not None} or None,
        "access": {"ssh": given["ssh"]} if given["ssh"] else None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _one_or_list(values: tuple[Any, ...]) -> Any:
    return (values[0] if len(values) == 1 else list(values)) if values else None


def _as_data(name: str, endpoint: Endpoint) -> dict[str, Any]:
    return {"name": name, **msgspec.to_builtins(endpoint)}
