"""One thing of the monitor whole, to be read and copied: a table, an event, or the trouble."""

import msgspec

from syncwizard.task.narration import narrate
from syncwizard.task.text import local_time
from syncwizard.tui.monitor.lines import describe_table
from syncwizard.tui.monitor.link import View
from syncwizard.tui.trouble import trouble_of, trouble_text


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """A text under its title; `severe` where it is of something wrong."""

    title: str
    text: str
    severe: bool = False


def details_of(view: View, table: str | None, event: str | None, now: float) -> Details | None:
    """The table of that name, else the event of that number, else the trouble there is; `now` since the epoch."""
    if table is not None:
        return Details(title=table, text=describe_table(view.seen, table))
    if event is not None:
        entry = next(each for each in view.entries if str(each.sequence) == event)
        return Details(title=f"Event {entry.sequence}", text=f"{local_time(entry.at)}\n\n{narrate(entry.event)}")
    trouble = trouble_of(view.seen, now, view.figures_at)
    return None if trouble is None else Details(title=trouble.title, text=trouble_text(trouble), severe=True)
