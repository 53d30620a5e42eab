"""One line of what `doctor` finds."""

from typing import Literal

import msgspec

from syncwizard.remedies import NOTHING, Remedy, to_do

# `failed`: a task cannot start or cannot go on with it; `warning`: something works less well, or not at all.
Level = Literal["ok", "warning", "failed"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at (`name`), what is there (`message`), and what to do unless it is `ok`."""

    name: str
    level: Level
    message: str
    remedy: Remedy = NOTHING


def ok(name: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(name=name, level="ok", message=message)


def warning(name: str, message: str, *steps: str) -> Finding:
    """Something works less well."""
    return Finding(name=name, level="warning", message=message, remedy=to_do(*steps))


def failed(name: str, message: str, *steps: str) -> Finding:
    """A task cannot start or cannot go on with it."""
    return Finding(name=name, level="failed", message=message, remedy=to_do(*steps))
