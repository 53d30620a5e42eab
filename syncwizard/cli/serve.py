"""The command `serve`: the screens in a browser, for a screen share."""

import click

from syncwizard.cli.arguments import TASK_OR_ALL
from syncwizard.cli.output import say, show
from syncwizard.client import tasks
from syncwizard.errors import UsageError
from syncwizard.tui.serving.guard import is_loopback

LOOPBACK = "127.0.0.1"
PORT = 8017


@click.command()
@TASK_OR_ALL
@click.option("--host", metavar="ADDRESS", default=LOOPBACK, help=f"Where to listen; {LOOPBACK} without it.")
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=PORT,
    help=f"The port; {PORT} without it, a free one with 0.",
)
@click.option("--allow-changes", is_flag=True, help="Screens that also pause, resume, set up, release.")
def serve(name: str | None, host: str, port: int, *, allow_changes: bool) -> int:
    """Show the screens in a browser, for a screen share: the tasks, or one TASK.

    Prints the address, with a token in it, to stdout: who has it can look. Nothing can be changed without
    --allow-changes. Only this machine reaches it unless --host is given. Ctrl-C ends it; tasks go on.
    """
    task = None if name is None else tasks.find_task(name)
    try:
        from syncwizard.tui.serving.server import serve as serve_screens
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("aiohttp", "aiohttp_jinja2", "jinja2", "textual_serve"):
            raise
        raise UsageError(
            "the screens can be shown in a browser with the extra `web` only, which is not installed",
            remedy="pip install 'syncwizard[web]'",
        ) from error
    arguments = ["--read-only"] if not allow_changes else []
    if task is not None:
        arguments += ["open", str(task.id)]

    def ready(address: str) -> None:
        show(address)
        changes = "they can change tasks" if allow_changes else "nothing can be changed with them"
        say(f"The screens are at this address until Ctrl-C; {changes}.")
        if not is_loopback(host):
            say(f"Warning: what goes over the network to {host} is not encrypted, the token included.")

    serve_screens(arguments, host, port, ready)
    return 0
