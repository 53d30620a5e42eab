"""The command `syncwizard`: finds a command's module when it is called, and turns errors into words and exit codes."""

import importlib
import io
import os
import sys
from collections.abc import Mapping
from types import TracebackType

import click

from syncwizard import __version__
from syncwizard.cli.examples import with_examples
from syncwizard.cli.groups import SuggestingGroup
from syncwizard.engine.cores import refuse_core_dumps
from syncwizard.errors import SyncwizardError, UsageError

INTERRUPTED = 130

# Where each command lives, and its line of help: `--version` and `--help` import none of them.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "new": ("syncwizard.cli.screens", "Set up a new task in the terminal, step by step."),
    "open": ("syncwizard.cli.screens", "Watch a task in the terminal."),
    "serve": ("syncwizard.cli.serve", "Show the screens in a browser, for a screen share."),
    "check": ("syncwizard.cli.files", "Validate a task file."),
    "preview": ("syncwizard.cli.files", "Show a task file with all defaults, and what the task would do."),
    "precheck": ("syncwizard.cli.precheck", "Check both ends without changing anything."),
    "start": ("syncwizard.cli.lifecycle", "Start the task of a file."),
    "pause": ("syncwizard.cli.lifecycle", "Pause a task; its replication slot stays."),
    "resume": ("syncwizard.cli.lifecycle", "Continue a task that is paused, failed, or whose engine died."),
    "heal": ("syncwizard.cli.heal", "Bring tables in step that lost changes, by the rows that differ."),
    "resync": ("syncwizard.cli.resync", "Empty tables that lost changes at the destination, and copy them again."),
    "modify": ("syncwizard.cli.modify", "Give a task another task file: tables join and leave, settings change."),
    "rules": ("syncwizard.cli.rules", "Show the filters, scripts and operations of a task, or order others."),
    "sequences": ("syncwizard.cli.sequences", "Set the destination's sequences to the source's values."),
    "definitions": ("syncwizard.cli.definitions", "List definitions that are missing, and try them again."),
    "ddl": ("syncwizard.cli.ddl", "List changes of definitions, and decide about one that waits."),
    "change": ("syncwizard.cli.change", "Show the change of a row that cannot be applied; decide about it."),
    "verify": ("syncwizard.cli.verify", "Compare both ends exactly, while changes go on."),
    "repair": ("syncwizard.cli.verify", "Write the source's rows in place of those that differ."),
    "rehearse": ("syncwizard.cli.rehearse", "Take every step of a switchover but the fence, and time it."),
    "switchover": ("syncwizard.cli.switchover", "Move writes from the source to the destination, or undo that."),
    "release": ("syncwizard.cli.release", "Remove everything of a task at both ends."),
    "status": ("syncwizard.cli.watching", "Show a task, or all of them."),
    "wait": ("syncwizard.cli.watching", "Wait until a task has copied everything or has caught up."),
    "events": ("syncwizard.cli.watching", "Show the events of a task."),
    "explain": ("syncwizard.cli.explain", "Say why a task is late, and what to do."),
    "throttle": ("syncwizard.cli.throttle", "Show or change how fast a task may be."),
    "alerts": ("syncwizard.cli.alerts", "Show, test and silence alerts; look after dead engines."),
    "report": ("syncwizard.cli.report", "Write a report on a task, without secrets."),
    "connections": ("syncwizard.cli.connections", "List, add and remove saved connections."),
    "doctor": ("syncwizard.cli.doctor", "Check this machine: versions, folders, terminal, limits."),
    "completion": ("syncwizard.cli.completion", "Print the script that completes commands in a shell."),
    "manual": ("syncwizard.cli.manual", "Read the manual, topic by topic."),
    "demo": ("syncwizard.cli.demo", "Synchronize a sample knowledge base between two servers of its own."),
}

# Commands whose names are words of Python's.
FUNCTIONS: Mapping[str, str] = {"open": "open_"}


class LazyGroup(SuggestingGroup):
    """Imports a command's module when the command is called: most of the start-up time is imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, FUNCTIONS.get(cmd_name, cmd_name))
        return with_examples(command, cmd_name) if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.option("--verbose", is_flag=True, help="With --version: also what it runs with.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal in all screens.")
@click.option("--read-only", is_flag=True, help="Screens that look, and change nothing.")
@click.pass_context
def commands(context: click.Context, *, version: bool, verbose: bool, no_mouse: bool, read_only: bool) -> int:
    """Synchronizes PostgreSQL databases: schema, full copy, continuous changes.

    Without a command it opens the list of tasks.

    \b
    Exit codes: 0 done, 1 task failed, 2 usage, task file or refused, 3 precheck not passed,
    4 endpoint unreachable, 5 differences found, 6 timed out, 7 released with something left over,
    8 a table could not be compared, 130 interrupted.
    """
    if version:
        _show_version(verbose=verbose)
        context.exit()
    if no_mouse:
        from syncwizard.tui.entry import NO_MOUSE

        os.environ[NO_MOUSE] = "1"
    if read_only:
        if context.invoked_subcommand not in (None, "open"):
            raise UsageError("--read-only is for the screens", remedy="use it without a command, or with `open`")
        from syncwizard.tui.read_only import READ_ONLY

        os.environ[READ_ONLY] = "1"
    if context.invoked_subcommand is not None:
        return 0
    from syncwizard.cli import screens

    return screens.home()


def _show_version(*, verbose: bool) -> None:
    from syncwizard.cli.output import show

    show(f"syncwizard, version {__version__}")
    if verbose:
        from syncwizard.rows.compiled import described

        show(f"row path: {described()}")
        show(f"Python: {sys.version.split()[0]}")


def main() -> None:
    """Runs the command line and exits with its code."""
    # A command may ask for a password.
    refuse_core_dumps()
    sys.excepthook = _show_defect
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; returns its exit code. Errors go to stderr in one form."""
    try:
        code = commands.main(args=arguments, prog_name="syncwizard", standalone_mode=False)
    except click.ClickException as error:
        _show_usage(error)
        _print_as_json(UsageError(error.format_message()), arguments)
        return UsageError.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return INTERRUPTED
    except SyncwizardError as error:
        from syncwizard.cli.output import print_error

        _print_as_json(error, arguments)
        print_error(error)
        return error.exit_code
    except OSError as error:
        words = error.strerror or str(error)
        _say(f"syncwizard: {error.filename}: {words}" if error.filename else f"syncwizard: {words}")
        _give_up_stdout()
        return 1
    return code if isinstance(code, int) else 0


def _show_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The traceback of a defect: words of a server may be in it."""
    import traceback

    from syncwizard.cli.output import say_lines
    from syncwizard.task.redaction import redact

    say_lines(redact("".join(traceback.format_exception(kind, error, trace)).rstrip("\n")))


def _show_usage(error: click.ClickException) -> None:
    from syncwizard.cli.output import say_lines

    written = io.StringIO()
    error.show(written)
    say_lines(written.getvalue().rstrip("\n"))


def _say(text: str) -> None:
    from syncwizard.cli.output import say

    say(text)


def _print_as_json(error: SyncwizardError, arguments: list[str]) -> None:
    """The failure where a script reads: a command that has printed what it knows ends by itself, not here."""
    if "--json" in arguments:
        from syncwizard.cli.output import failure_as_data, print_json

        print_json(failure_as_data(error))


def _give_up_stdout() -> None:
    """What could not be written to stdout would be tried again, and complained about, at the interpreter's end."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
