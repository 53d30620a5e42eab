"""How the monitor was left, remembered between runs: the order of its lists, and for each task their filter."""

from uuid import UUID

import msgspec

from syncwizard.tui.settings import Preferences

# A filter is of a moment: those of the last tasks are enough.
KEPT_FILTERS = 20


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose in the panes; an empty name, or one that is not known, is the first of its kind.

    `words`: the filter of tables and events.
    """

    sort: str = ""
    level: str = ""
    range: str = ""
    words: str = ""


def recall(preferences: Preferences, task: UUID) -> Chosen:
    """What was chosen the last time."""
    return Chosen(
        sort=preferences.tables_sort,
        level=preferences.events_level,
        range=preferences.charts_range,
        words=preferences.monitor_filters.get(str(task), ""),
    )


def with_chosen(preferences: Preferences, task: UUID, chosen: Chosen) -> Preferences:
    """The preferences with what is chosen now.

    >>> task = UUID(int=7)
    >>> kept = with_chosen(Preferences(), task, Chosen(sort="name", words="log"))
    >>> recall(kept, task), recall(kept, UUID(int=8)).words
    (Chosen(sort='name', level='', range='', words='log'), '')
    >>> with_chosen(kept, task, Chosen()).monitor_filters
    {}
    """
    others = {name: words for name, words in preferences.monitor_filters.items() if name != str(task)}
    filters = {**others, str(task): chosen.words} if chosen.words else others
    return msgspec.structs.replace(
        preferences,
        tables_sort=chosen.sort,
        events_level=chosen.level,
        charts_range=chosen.range,
        monitor_filters=dict(list(filters.items())[-KEPT_FILTERS:]),
    )
