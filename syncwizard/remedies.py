"""What to do about an error, a finding or a remark, as data: each face words how to go on in its own way."""

import shlex
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

# How to go on once the steps are done; "" where that depends on the command.
Then = Literal["", "resume", "resync", "heal", "start", "new task", "run again", "pause", "status", "wait"]
# Words for a `then`; `alone` where no step comes before it.
Wording = Callable[["Remedy", bool], str]


class Remedy(msgspec.Struct, frozen=True):
    """What can be done about an error or a finding.

    `steps`: sentences without a full stop, in their order. `statements`: SQL that belongs to them, each whole.
    `then`: how to go on afterwards. `task`: the name it goes on under, where that is known.
    `tables`: as `schema.name`, those that a resync copies again; none stands for those that lost changes.
    `everything`: it copies all tables. `otherwise`: another way that does it, too.
    """

    steps: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    then: Then = ""
    task: str = ""
    tables: tuple[str, ...] = ()
    everything: bool = False
    otherwise: "Remedy | None" = None

    def __bool__(self) -> bool:
        return bool(self.steps or self.statements or self.then)

    def __str__(self) -> str:
        return words_of(self, by_command)


NOTHING = Remedy()


def to_do(
    *steps: str, statements: Sequence[str] = (), then: Then = "", task: str = "", otherwise: Remedy | None = None
) -> Remedy:
    """What to do, step by step; empty ones are left out."""
    given = tuple(filter(None, steps))
    return Remedy(steps=given, statements=tuple(statements), then=then, task=task, otherwise=otherwise)


def resync(task: str = "", tables: Sequence[object] = (), *steps: str, everything: bool = False) -> Remedy:
    """Tables are to be copied again, after these steps: `tables`, else those that lost changes, or `everything`."""
    return Remedy(steps=steps, then="resync", task=task, tables=tuple(map(str, tables)), everything=everything)


def as_remedy(given: Remedy | str) -> Remedy:
    """A text as a remedy of one step."""
    if isinstance(given, Remedy):
        return given
    return to_do(given) if given else NOTHING


def followed_by(remedy: Remedy, then: Then) -> Remedy:
    """The same where it says already how to go on, else with this."""
    return remedy if remedy.then else msgspec.structs.replace(remedy, then=then)


def without_then(remedy: Remedy) -> Remedy:
    """The same for a task that goes on by itself."""
    return msgspec.structs.replace(remedy, then="", otherwise=None)


def with_task(remedy: Remedy, task: str) -> Remedy:
    """The same with the name under which the face knows the task."""
    last = remedy.otherwise
    return msgspec.structs.replace(remedy, task=task, otherwise=with_task(last, task) if last else None)


def without_statements(remedy: Remedy) -> Remedy:
    """The same for where its statements are shown by themselves, or not at all."""
    return msgspec.structs.replace(remedy, statements=())


def also(remedy: Remedy, *steps: str) -> Remedy:
    """The same with more steps after its own."""
    return msgspec.structs.replace(remedy, steps=(*remedy.steps, *steps))


def first(remedy: Remedy, *steps: str) -> Remedy:
    """The same with steps before its own."""
    return msgspec.structs.replace(remedy, steps=(*steps, *remedy.steps))


def or_else(remedy: Remedy, another: Remedy) -> Remedy:
    """The same, or the other one instead."""
    last = remedy.otherwise
    return msgspec.structs.replace(remedy, otherwise=or_else(last, another) if last else another)


def words_of(remedy: Remedy, wording: Wording, *, with_statements: bool = True) -> str:
    """A remedy in one line, with a face's words for how to go on.

    >>> words_of(to_do("drop it", statements=["DROP TABLE a"], then="resume"), by_command)
    'drop it (DROP TABLE a), then resume the task'
    >>> words_of(to_do("rename it back", then="resume", otherwise=resync("kb", everything=True)), by_command)
    'rename it back, then resume the task; or copy everything again: syncwizard resync kb --all'
    """
    text = "; ".join(remedy.steps)
    if remedy.statements and with_statements:
        text = f"{text} ({_in_one_line(remedy.statements)})" if text else _in_one_line(remedy.statements)
    if following := wording(remedy, not text):
        text = f"{text}, then {following}" if text else following
    if remedy.otherwise:
        text += f"; or {words_of(remedy.otherwise, wording, with_statements=with_statements)}"
    return text


def by_command(remedy: Remedy, alone: bool) -> str:
    """How to go on, as the commands of the terminal do it.

    >>> words_of(or_else(resync("kb"), Remedy(then="heal", task="kb")), by_command)
    'copy again: syncwizard resync kb; or write only the rows that differ: syncwizard heal kb'

    >>> by_command(resync("my kb", ["public.a b"]), True)
    "copy again: syncwizard resync 'my kb' --table 'public.a b'"
    >>> by_command(Remedy(then="resume", task="kb"), False), by_command(Remedy(then="resume"), False)
    ('continue: syncwizard resume kb', 'resume the task')
    """
    command = _command_of(remedy)
    match remedy.then:
        case "resync":
            return f"copy {'everything ' if remedy.everything else ''}again: {command}"
        case "heal":
            return f"write only the rows that differ: {command}"
        case "resume":
            return f"continue: {command}" if remedy.task else "resume the task"
        case "start":
            return "start its file again" + (" for a new task" if alone else "")
        case "new task":
            return "release it and start a new task"
        case "run again":
            return "run the command again"
        case "pause":
            return f"pause it first: {command}" if remedy.task else "pause it first"
        case "status":
            return f"watch it with `{command}`"
        case "wait":
            return f"wait until it synchronizes: {command}"
        case "":
            return ""


def _command_of(remedy: Remedy) -> str:
    """The command line; TASK stands for a task whose name is not known here."""
    words = ["syncwizard", remedy.then]
    options = [word for table in remedy.tables for word in ("--table", table)]
    if remedy.then == "resync" and remedy.everything:
        options = ["--all"]
    elif remedy.then == "wait":
        options = ["--until", "caught-up"]
    return shlex.join([*words, remedy.task or "TASK", *options])


def lines_of(remedy: Remedy, wording: Wording = by_command) -> list[str]:
    """A remedy to copy statements from: its words on a line, each statement on one of its own.

    >>> lines_of(to_do("drop both", statements=['DROP TABLE "a; b"', "DROP TABLE c"], then="resume"))
    ['drop both, then resume the task', 'DROP TABLE "a; b";', 'DROP TABLE c;']
    """
    words = words_of(remedy, wording, with_statements=False)
    return [*filter(None, [words]), *(as_line(each) for each in statements_of(remedy))]


def statements_of(remedy: Remedy) -> list[str]:
    """Its statements and those of the other ways."""
    others = statements_of(remedy.otherwise) if remedy.otherwise else []
    return [*remedy.statements, *others]


def as_line(statement: str) -> str:
    """A statement to be pasted beside others."""
    return statement if statement.endswith(";") else f"{statement};"


def _in_one_line(statements: Sequence[str]) -> str:
    """Statements within a sentence: where there are several, each in its own marks, since any may hold a semicolon."""
    return statements[0] if len(statements) == 1 else ", ".join(f"`{each}`" for each in statements)
