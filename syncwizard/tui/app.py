"""The application: which screen is shown, the themes, the keys, and the end of it all."""

import asyncio
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import ClassVar
from uuid import UUID

import msgspec
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.events import Event, InputEvent, Paste

from syncwizard import paths
from syncwizard.client.files import write_private
from syncwizard.client.looking import Seen
from syncwizard.client.overview import Overview
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.handover import Handover
from syncwizard.task.text import one_line
from syncwizard.tui import settings, terminal
from syncwizard.tui.actions import ACTIONS, Available, available, bindings, display_key
from syncwizard.tui.monitor.link import EngineLink, Follow
from syncwizard.tui.opening import Leaving, Opening
from syncwizard.tui.read_only import is_read_only, keep_to
from syncwizard.tui.settings import Preferences, Settings
from syncwizard.tui.tasks.screen import TasksScreen
from syncwizard.tui.themes import THEMES, choose_theme, next_theme
from syncwizard.tui.touring.conductor import Conductor
from syncwizard.tui.typeahead import TypeAheadApp
from syncwizard.tui.widgets.tones import TONE_CLASSES

Clock = Callable[[], float]


# Most objects of a frame are gone with it: to look for cycles at every 700 new ones is too often.
COLLECT_OBJECTS = 5000
# Of a screen that names no topic of its own.
FIRST_TOPIC = "screens"


def _spare_what_stays() -> None:
    """Leaves what the first paint has brought to memory out of every later search for garbage.

    These are the modules and styles, which stay: looking through them took 50 ms, in the middle of some key.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_OBJECTS)


def _action_commands() -> type[Provider]:
    from syncwizard.tui.palette import ActionCommands

    return ActionCommands


class SyncwizardApp(TypeAheadApp):
    """The screens of syncwizard over the tasks of this user.

    `clock` tells the seconds since the epoch; tests have their own.
    """

    TITLE = "syncwizard"
    CSS_PATH = ["styles/base.tcss", "styles/dialogs.tcss"]  # noqa: RUF012
    # From here on there is room for two panes side by side.
    WIDE_COLUMNS = 110
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE_COLUMNS, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012
    COMPONENT_CLASSES = TONE_CLASSES
    COMMANDS = {_action_commands}  # noqa: RUF012
    COMMAND_PALETTE_DISPLAY = "Ctrl+P"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app.help", "app.quit", methods={"app.help": "show_actions"}),
        *bindings("app.manual", methods={"app.manual": "open_manual"}),
        *bindings("app.command-palette", "app.next-theme", "app.jump"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, system=True),
        Binding("ctrl+c", "copy_or_quit", show=False, system=True),
    ]

    def __init__(
        self,
        opening: Opening | None = None,
        *,
        clock: Clock = time.time,
        given: Settings | None = None,
        look: Callable[[], list[Seen]] | None = None,
        follow: Follow = EngineLink,
    ) -> None:
        """Reads the user's settings, unless they are `given`; `look` sees all tasks, `follow` follows one."""
        # The filter that takes colours out is chosen once, by the theme of this moment.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.clock = clock
        self._look, self._follow = look, follow
        self.opening = opening or Opening()
        loaded, self._mistakes = (given, []) if given else settings.load_settings(paths.settings_file(), ACTIONS.keys())
        keep_to(loaded)
        self.preferences = Preferences() if given else settings.load_preferences()
        for theme in THEMES.values():
            self.register_theme(theme)
        wanted = loaded.theme or self.preferences.theme
        self.theme = choose_theme(wanted, self.console.color_system, no_color=self.no_color)
        self.set_keymap(loaded.keys)
        self.last_task: StoredTask | None = self.opening.task
        # What must not be lost when the terminal goes away, called from another thread: saving a draft.
        self.last_words: list[Callable[[], object]] = []
        self.typed: dict[UUID, Handover] = {}
        self._conductor: Conductor | None = None
        self._rings = loaded.bell
        self._question_delay = loaded.question_delay

    async def on_mount(self) -> None:
        """Shows the first screen, and watches the terminal from now on."""
        if not self.is_headless:
            self._watch_terminal()
        await self.push_screen(TasksScreen(self._look or Overview().look_around))
        if self.opening.screen == "monitor" and self.opening.task is not None:
            self.open_task(self.opening.task)
        elif self.opening.screen == "wizard":
            self.open_wizard(self.opening.draft)
        if self.opening.tour is not None:
            self._conductor = Conductor(self, self.opening.tour, self._end_tour)
            self.run_worker(self._conductor.play(), group="tour")
        for mistake in self._mistakes:
            self.notify(mistake, title="The settings have a mistake", severity="warning", timeout=15, markup=False)

    async def on_event(self, event: Event) -> None:
        """Gives to a tour what a person presses while it plays."""
        pressed = isinstance(event, InputEvent | Paste) and not event.is_forwarded
        if self._conductor is None or not pressed or not self._conductor.takes(event):
            await super().on_event(event)

    @property
    def question_delay(self) -> float:
        """Seconds until a question takes an answer; a tour has read it before."""
        return 0.0 if self._conductor is not None else self._question_delay

    def _end_tour(self) -> None:
        self._conductor = None

    def open_task(self, task: StoredTask) -> None:
        """Shows the task's monitor."""
        from syncwizard.tui.monitor.screen import MonitorScreen

        self.last_task = task
        self.hold_keys()
        self.push_screen(MonitorScreen(task, self._follow))

    def open_wizard(self, draft: TaskDraft | None) -> None:
        """Shows the wizard over the draft, or an empty one."""
        from syncwizard.tui.wizard.screen import WizardScreen

        self.hold_keys()
        self.push_screen(WizardScreen(draft))

    def leave_for_demo(self) -> None:
        """Leaves the screens for the demo."""
        self.exit(Leaving(reason="demo"))

    def get_key_display(self, binding: Binding) -> str:
        """A key as our key bar and help write it."""
        return binding.key_display or display_key(binding.key)

    async def action_quit(self) -> None:
        """Leaves; engines go on by themselves."""
        self.exit(Leaving(task=self.last_task))

    def action_copy_or_quit(self) -> None:
        """What is selected goes to the terminal's clipboard; without a selection, how to leave."""
        if selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
            self.notify("sent to the terminal")
        else:
            self.notify("q leaves; engines go on by themselves")

    def action_show_actions(self) -> None:
        """All that can be done here, to search and to run."""
        from syncwizard.tui.dialogs.help import HelpDialog

        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(available(self.screen)), self._run_action)

    def action_open_manual(self) -> None:
        """The manual, at the topic that fits the screen."""
        from syncwizard.tui.manual_screen import ManualScreen

        if not isinstance(self.screen, ManualScreen):
            self.push_screen(ManualScreen(getattr(self.screen, "manual_topic", FIRST_TOPIC)))

    async def _run_action(self, chosen: Available | None) -> None:
        if chosen is not None:
            await self.run_action(chosen.call, chosen.node)

    def action_jump(self) -> None:
        """One key leads to whatever can take the focus."""
        from syncwizard.tui.dialogs.jump import JumpDialog, targets_of

        targets = targets_of(self.screen.focus_chain)
        if targets and not isinstance(self.screen, JumpDialog):
            self.push_screen(JumpDialog(targets), lambda chosen: chosen.focus() if chosen is not None else None)

    def announce(self, text: str) -> None:
        """Rings, and sends a notification (OSC 9) to a terminal that shows such: something long has ended."""
        self.notify(text, markup=False)
        if self._rings:
            self.bell()
        if self._driver is not None and not self.is_headless and self._rings:
            # A control character would end the sequence, and what follows would be the terminal's to obey.
            self._driver.write(f"\x1b]9;{one_line(text)}\x07")

    def action_next_theme(self) -> None:
        """The next theme; remembered."""
        if self.no_color:
            self.notify("NO_COLOR is set: there is one theme")
            return
        self.theme = next_theme(self.theme)
        chosen = next(name for name in THEMES if name == self.theme)
        if trouble := self.remember(msgspec.structs.replace(self.preferences, theme=chosen)):
            self.notify(f"the theme is not remembered: {trouble}", severity="warning")
        else:
            self.notify(f"theme: {self.theme}", timeout=2)

    def remember(self, preferences: Preferences) -> str:
        """Keeps what was chosen for the next time, unless nothing may be changed; what went wrong, if anything."""
        if preferences == self.preferences:
            return ""
        self.preferences = preferences
        if is_read_only():
            return ""
        try:
            settings.save_preferences(preferences)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _fatal_error(self) -> None:
        """The last resort after a defect: its traceback goes to a file, without the variables, which may be secrets."""
        report = "" if self._exception is None else "".join(traceback.format_exception(self._exception))
        try:
            paths.ensure_private_folder(paths.state_folder())
            write_private(paths.defect_file(), report)
            report = f"Its traceback, for a report: {paths.defect_file()}"
        except (OSError, UsageError):
            # Then on the terminal: better than nowhere.
            pass
        self._exit_renderables.append(Text(f"The screens ended by a defect. Engines go on by themselves.\n{report}"))
        self._close_messages_no_wait()

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        if isinstance(failed.exc_value, Exception):
            self.call_later(self._handle_exception, failed.exc_value)

    def _watch_terminal(self) -> None:
        self.call_after_refresh(_spare_what_stays)
        # A traceback across the screens could not be read.
        threading.excepthook = self._thread_failed
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end)
        # Not by way of the loop: it may be waiting for a terminal that does not read any more.
        signal.signal(signal.SIGHUP, lambda number, frame: terminal.leave(self._say_last_words))
        if sys.__stdin__ is not None:
            terminal.end_with_terminal(sys.__stdin__.fileno(), self._say_last_words)

    def _end(self) -> None:
        self.exit(return_code=128 + signal.SIGTERM)

    def _say_last_words(self) -> None:
        for speak in self.last_words:
            speak()
