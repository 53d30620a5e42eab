"""What the user sets for the screens (config.yaml), and what the screens remember by themselves (screens.json)."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
import yaml

from syncwizard import paths
from syncwizard.task.text import did_you_mean

ThemeName = Literal["dark", "light", "high-contrast", "ansi-dark", "ansi-light"]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of config.yaml. `keys`: action id → key (`monitor.pause: P`); `theme`: None chooses by the terminal;
    `bell`: whether the terminal rings when something long has ended; `read_only`: the screens change nothing;
    `question_delay`: seconds for which a question must have been on the screen before a key confirms it."""

    keys: dict[str, str] = {}
    theme: ThemeName | None = None
    bell: bool = True
    read_only: bool = False
    # Two presses that were meant as one are 0.1 to 0.3 seconds apart.
    question_delay: Annotated[float, msgspec.Meta(ge=0, le=5)] = 0.4


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """What the task list shows, and in which order, under a name; without a `sort`, trouble first."""

    name: str
    filter: str = ""
    sort: str = ""
    released: bool = False


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen on the screens; not worth an error when it is lost. `monitor_filters`: by the ids of tasks."""

    theme: ThemeName | None = None
    tasks_sort: str = ""
    tasks_filter: str = ""
    tasks_views: tuple[TaskView, ...] = ()
    tables_sort: str = ""
    events_level: str = ""
    charts_range: str = ""
    monitor_filters: dict[str, str] = {}


def load_settings(path: Path, action_ids: Collection[str]) -> tuple[Settings, list[str]]:
    """The settings, and what is wrong in the file: the screens start on defaults rather than not at all."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(), []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return Settings(), [f"{path}: {error}"]
    try:
        settings = msgspec.convert(data or {}, Settings)
    except msgspec.ValidationError as error:
        themes = f"; one of: {', '.join(get_args(ThemeName))}" if "`$.theme`" in str(error) else ""
        return Settings(), [f"{path}: {error}{themes}"]
    unknown = [name for name in settings.keys if name not in action_ids]
    known = {name: key for name, key in settings.keys.items() if name in action_ids}
    return msgspec.structs.replace(settings, keys=known), [
        f"{path}: no action is called `{name}`{_suggestion(name, action_ids)}" for name in unknown
    ]


def _suggestion(name: str, action_ids: Collection[str]) -> str:
    """
    >>> _suggestion("monitor.puase", ["monitor.pause", "app.quit"])
    '; did you mean `monitor.pause`?'
    """
    question = did_you_mean(name, action_ids)
    return f"; {question}" if question else ""


def load_preferences() -> Preferences:
    """What was chosen the last time; defaults where nothing can be read."""
    try:
        return msgspec.json.decode(paths.preferences_file().read_bytes(), type=Preferences)
    except (OSError, msgspec.DecodeError):
        return Preferences()


def save_preferences(preferences: Preferences) -> None:
    """Remembers what was chosen; raises OSError."""
    path = paths.preferences_file()
    paths.ensure_private_folder(path.parent)
    path.write_bytes(msgspec.json.encode(preferences))
