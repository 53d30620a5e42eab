"""What holds for a pair of ends and what to mind about it, in words; pure."""

from textual.content import Content

from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui.widgets.paragraphs import Paragraph

_ONE_WRITER = Paragraph(
    "One writer",
    "Nothing else writes to the selected tables at the destination: a row of theirs is overwritten by the next"
    " change of the same key, or stops the task.",
)
_STRUCTURE = Paragraph(
    "No structure changes",
    "Leave the definitions of the selected objects as they are until the copy is done; afterwards change the"
    " destination first.",
)
_FOLLOWED = Paragraph(
    "Structure changes",
    "They are followed, at their place between the rows. What the destination refuses, or a change brings no values"
    " for, stops the task or sets the table aside: `syncwizard manual limits` has the list.",
)
_ALWAYS = (
    Paragraph(
        "Quiet hours",
        "The copy reads every selected row once and builds every index at the destination. Start it when both ends"
        " have time to spare.",
    ),
    Paragraph(
        "Locks",
        "The copy never holds a table for its whole length. A table without a key gets REPLICA IDENTITY FULL, which"
        " needs it alone for a moment; a busy one is tried again, never waited for.",
    ),
    Paragraph(
        "WAL at the source",
        "The task's slot keeps WAL until the destination has it: while the task is paused or failed, and while a long"
        " transaction is open. Watch the disk; the monitor shows what is kept.",
    ),
    Paragraph(
        "Sequences",
        "Their values are set once, after the copy. Set them again before an application writes to the destination.",
    ),
)
_IGNORE = Paragraph(
    "Existing tables are used",
    "You chose `ignore`: a row whose key the destination has stays as it is in the copy, a later change of it at the"
    " source overwrites it, and rows that only the destination has stay. The two may differ for good.",
)
_POLARDB = Paragraph(
    "PolarDB",
    "Give the primary endpoint and a privileged account. The slot must survive a failover: enable slot failover where"
    " the version has it, otherwise a failover loses changes and the tables are copied again.",
)
_PLAIN = Paragraph(
    "Not encrypted",
    "Rows pass the network in clear between {ends} and this machine. Encryption `verify-full` protects them.",
)


def advise(draft: TaskDraft) -> list[Paragraph]:
    """What to mind for this draft, what is special to it first.

    >>> [each.title for each in advise(TaskDraft(conflicts="ignore"))][:2]
    ['Existing tables are used', 'One writer']
    >>> [each.title for each in advise(TaskDraft().with_value("advanced.ddl", "follow"))][1]
    'Structure changes'
    """
    ends = {"the source": draft.source, "the destination": draft.destination}
    plain = [
        name
        for name, end in ends.items()
        if end.way == "host" and end.mode == "disable" and not _is_local(end.host) and end.host
    ]
    special = []
    if draft.conflicts == "ignore":
        special.append(_IGNORE)
    if any(end.type == "polardb-postgresql" for end in ends.values()):
        special.append(_POLARDB)
    if plain:
        special.append(Paragraph(_PLAIN.title, _PLAIN.text.format(ends=" and ".join(plain))))
    structure = _FOLLOWED if draft.value("advanced.ddl") == "follow" else _STRUCTURE
    return [*special, _ONE_WRITER, structure, *_ALWAYS]


def _is_local(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def describe_settings(draft: TaskDraft) -> list[str]:
    """What choices of the objects' step mean that differ from the usual ones; a line each."""
    lines = []
    if "schema" not in draft.types:
        lines.append("Without schema: the tables must be there already, alike, with their keys.")
    if "full" not in draft.types:
        lines.append("Without full: no row is copied; the destination must have them already.")
    if draft.conflicts == "ignore":
        lines.append("With ignore: rows that a used table holds stay, and may differ for good.")
    return lines


def with_marks(text: str) -> Content:
    """What wants a person is marked in its colour."""
    lines = [
        Content.assemble(("▲", "$warning"), line[1:]) if line.startswith("▲") else Content(line)
        for line in text.splitlines()
    ]
    return Content("\n").join(lines)
