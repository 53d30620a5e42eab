"""How much an event matters, and an event in one line outside of the log. Pure."""

from syncwizard.task.events import (
    ChangeQuarantined,
    CopyBesideEnded,
    DefinitionFollowed,
    DefinitionMissing,
    Entry,
    Event,
    Failure,
    Noticed,
    PartitionDetached,
    PrecheckItemFinished,
    QuarantineFollowed,
    RetryStarted,
    StatementSkipped,
    TableDropped,
    TableRestarted,
    TableSetAside,
    TableVerified,
    TaskFailedEvent,
    TaskReleased,
    VerificationFinished,
)
from syncwizard.task.narration import narrate
from syncwizard.task.switchover import FenceRaising, SwitchoverUndone, UndoFailed
from syncwizard.task.text import one_line
from syncwizard.tui.formatting import Part, Tone, day_and_time

LEVEL_MARKS: dict[str, tuple[str, Tone]] = {"info": ("·", "plain"), "warning": ("▲", "warn"), "error": ("✗", "bad")}


def level_of(event: Event) -> str:
    """How much an event matters: info, warning or error."""
    match event:
        case TaskFailedEvent() | TableSetAside() | UndoFailed() | PrecheckItemFinished(verdict="failed"):
            return "error"
        case ChangeQuarantined() | QuarantineFollowed():
            return "warning"
        case RetryStarted() | StatementSkipped() | DefinitionMissing() | TableRestarted():
            return "warning"
        case TableVerified(found=found) if found.verdict != "equal":
            return "error" if found.verdict == "different" else "warning"
        case CopyBesideEnded(reason=reason) if reason:
            return "warning"
        case VerificationFinished(failure=Failure()) | SwitchoverUndone() | FenceRaising():
            return "warning"
        case (
            DefinitionFollowed(kind="dropped") | TableDropped() | PartitionDetached() | TaskReleased(left_over=[_, *_])
        ):
            return "warning"
        case PrecheckItemFinished(verdict="warning"):
            return "warning"
        case DefinitionFollowed(refused=refused, decided=decided) if refused or decided == "skip":
            return "warning"
        case Noticed(level=level):
            return level
    return "info"


def event_parts(entry: Entry) -> list[Part]:
    """An event outside of the log: the time of day, how much it matters, and what it says."""
    glyph, tone = LEVEL_MARKS[level_of(entry.event)]
    return [(f"{day_and_time(entry.at)[6:]}  ", "muted"), (f"{glyph} ", tone), (one_line(narrate(entry.event)), tone)]
