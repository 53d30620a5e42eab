"""The one registry of actions: the key bar, the help, the palette and the key map are made from it.

A screen or widget takes its BINDINGS from here by ids; the last part of an id names its `action_…` method.
"""

from collections.abc import Iterable, Mapping

import msgspec
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person can do. `key`: one or several of Textual's key names, separated by commas.

    `show`: whether it is among the few that the key bar has room for.
    """

    id: str
    key: str
    label: str
    tooltip: str
    show: bool = True

    @property
    def method(self) -> str:
        """The name of its method, without `action_`.

        >>> Action(id="monitor.copy-text", key="y", label="", tooltip="").method
        'copy_text'
        """
        return self.id.rpartition(".")[2].replace("-", "_")


def _action(id: str, key: str, label: str, tooltip: str, *, show: bool = True) -> Action:
    return Action(id=id, key=key, label=label, tooltip=tooltip, show=show)


ACTIONS: Mapping[str, Action] = {
    action.id: action
    for action in (
        # Everywhere
        _action("app.help", "question_mark,f9", "Keys", "Find an action by name, and run it"),
        _action("app.manual", "f1", "Manual", "Read the manual, at the topic of this screen", show=False),
        _action("app.quit", "q", "Quit", "Leave; engines go on by themselves"),
        _action("app.command-palette", "colon", "Palette", "Find any command by name", show=False),
        _action("app.jump", "f12,apostrophe", "Jump", "Labels on all that can be reached: a letter goes there",
                show=False),
        _action("app.next-theme", "f10", "Theme", "Dark, light, high contrast, 16 colours", show=False),
        _action("screen.back", "escape", "Back", "Go back one step", show=False),
        # Tasks
        _action("tasks.open", "enter", "Open", "Watch the task"),
        _action("tasks.resume", "r", "Resume", "Continue a paused, failed or died task, or all that are marked"),
        _action("tasks.resync", "R", "Resync", "Copy again what lost changes", show=False),
        _action("tasks.pause", "p", "Pause", "Close every connection; the slot stays. Or of all that are marked"),
        _action("tasks.new", "n", "New", "Set up a new task"),
        _action("tasks.filter", "slash", "Filter", "Show only tasks that contain some words"),
        _action("tasks.sort", "s", "Sort", "Sort by trouble, name, how far behind, or WAL held"),
        _action("tasks.release", "D", "Release", "Remove everything of the task at both ends"),
        _action("tasks.clone", "c", "Clone", "Take the task as the draft of a new one", show=False),
        _action("tasks.mark", "space", "Mark", "Mark the task: pause and resume are for all that are marked",
                show=False),
        _action("tasks.demo", "t", "Try the demo", "See it work on two servers of its own", show=False),
        _action("tasks.show-released", "a", "Show released", "Show or hide released tasks", show=False),
        _action("tasks.view", "v", "View", "Show the next saved view: its filter and its order", show=False),
        _action("tasks.views", "V", "Views", "Save what is shown under a name; choose or discard saved views",
                show=False),
        _action("views.discard", "delete", "Discard", "Forget the marked view", show=False),
        # Wizard
        _action("wizard.next", "f8", "Next", "Go on, or to the first field that is wrong"),
        _action("wizard.previous", "f7", "Back", "Go back one step; nothing is lost"),
        _action("wizard.preview", "f4", "Preview", "Show the task file; copy it, or write it"),
        _action("wizard.command", "f6", "Command", "The equivalent command, whole; to copy", show=False),
        _action("ends.test", "f5", "Test this end", "Test the end with the focus, alone"),
        _action("ends.other", "f3", "Other end", "Go to the same field of the other end"),
        _action("ends.rights", "f2", "Rights as SQL", "What both accounts need, as a script for an administrator"),
        _action("drafts.discard", "delete,x", "Discard", "Forget the marked draft"),
        _action("precheck.again", "r", "Again", "Run the whole precheck again"),
        _action("precheck.failed-again", "f", "Again, failed", "Run again what did not pass"),
        _action("precheck.ignore", "i", "Accept", "Accept the marked warning, after reading what it risks"),
        _action("precheck.copy", "c", "Copy", "The marked item with its statements, to copy or to write", show=False),
        _action("precheck.run", "x", "Run", "Run the statements of the marked item at its end; asks first", show=False),
        _action("precheck.script", "a", "All as script", "What both ends lack, as one script", show=False),
        _action("precheck.unfold", "enter", "Unfold", "Show what passed, or fold it again", show=False),
        # Objects
        _action("picker.tick", "space", "Tick", "Tick the line, or not; in the list of the selected: take it out"),
        _action("picker.filter", "slash", "Filter", "Show only objects that contain some words; ticks stay"),
        _action("picker.other", "v", "Selected", "Go to the list of the selected, or back to the source"),
        _action("picker.all", "a", "All", "Tick all that is shown"),
        _action("picker.none", "n", "None", "Untick all that is shown", show=False),
        _action("picker.whole", "w", "Whole/list", "The schema whole, or as a list of objects", show=False),
        _action("picker.undo", "u", "Undo", "Take back the last tick", show=False),
        _action("picker.expand", "enter,right,l", "Open", "Show what is below the line", show=False),
        _action("picker.collapse", "left,h", "Close", "Hide what is below the line", show=False),
        _action("picker.clear-filter", "escape", "All again", "Show all objects again", show=False),
        _action("objects.edit", "e", "Edit", "What of the table or schema under the cursor differs at the destination"),
        _action("objects.rename", "b", "Batch", "Edit the ticked tables below the line under the cursor", show=False),
        _action("objects.import", "f", "From file",
                "Take names, columns, filters, scripts and operations of a task file", show=False),
        _action("columns.tick", "space", "Tick", "The column travels, or not", show=False),
        _action("columns.rename", "enter", "Rename", "To the column's name at the destination", show=False),
        _action("edit.take", "f8", "Take", "Take the answers, or go to the first that is wrong"),
        _action("edit.try", "f5", "Try", "Try the filter or script on ten real rows, at both ends", show=False),
        _action("objects.reload", "r", "Refresh", "List the source's objects again", show=False),
        _action("objects.stop", "c", "Stop", "Stop listing the source's objects", show=False),
        _action("objects.advice", "plus", "Add", "Tick what the advice below would add", show=False),
        _action("objects.explain", "i", "Inspect", "Show all that is to know of this choice", show=False),
        # Monitor
        _action("monitor.pause", "p", "Pause", "Close every connection; the slot stays"),
        _action("monitor.pause-table", "P", "Pause table", "Pause the marked table alone; the way back is a copy",
                show=False),
        _action("monitor.resume", "r", "Resume", "Continue the task from where it stopped"),
        _action("monitor.resync", "R", "Resync", "Empty tables that lost changes, or the marked one, and copy again",
                show=False),
        _action("monitor.filter", "slash", "Filter", "Show only tables, or events, that contain some words"),
        _action("monitor.sort", "s", "Sort", "Sort the tables by the next column"),
        _action("monitor.level", "l", "Level", "Show all events, or warnings and errors only"),
        _action("monitor.range", "t", "Range", "Charts of 5 minutes, 1 hour, 24 hours, or all"),
        _action("monitor.details", "i", "Inspect", "The marked line, or the trouble, whole; to copy"),
        _action("monitor.sequences", "S", "Sequences", "Set sequences to the source's values again; asks first"),
        _action("monitor.report", "w", "Report", "A report to write to a file, for a colleague"),
        _action("monitor.release", "D", "Release", "Remove everything of the task at both ends"),
        _action("monitor.late", "e", "Why late", "Why the task is late: locks, limits, who waits for what",
                show=False),
        _action("monitor.verification", "v", "Verify", "Compare both ends; what was found, row by row", show=False),
        _action("monitor.changes", "d", "Definitions", "Changes of definitions: what waits, what was followed",
                show=False),
        _action("monitor.refused", "c", "Change", "A change of a row that cannot be applied, and the quarantine",
                show=False),
        _action("monitor.precheck", "C", "Precheck", "Would it start now? The precheck of this task, beside it",
                show=False),
        _action("monitor.earlier", "left_square_bracket", "Earlier", "Figures, events and state of an earlier moment",
                show=False),
        _action("monitor.later", "right_square_bracket", "Later", "A later moment again, up to now", show=False),
        _action("monitor.now", "1", "Now", "What matters now: positions, stages at work, tables, last events",
                show=False),
        _action("monitor.tables", "2", "Tables", "Show the tables", show=False),
        _action("monitor.charts", "3", "Charts", "Show the charts", show=False),
        _action("monitor.log", "4", "Log", "Show the event log", show=False),
        _action("monitor.stages", "5", "Stages", "Show every stage with its time, and the positions", show=False),
        # Pages of a task
        _action("late.again", "r", "Ask again", "Ask the engine and both ends again"),
        _action("late.whole", "i", "Inspect", "All of it as text, to copy"),
        _action("checked.again", "r", "Ask again", "Ask both ends again"),
        _action("checked.unfold", "enter", "Unfold", "Show what passed, or fold it again", show=False),
        _action("checked.whole", "i", "Inspect", "The marked item with its statements, to copy"),
        _action("verification.open", "enter", "Rows", "The rows of the marked table that differ"),
        _action("verification.compare", "v", "Verify", "Compare both ends: rows, their numbers, or definitions"),
        _action("verification.halt", "x", "Stop", "End the comparison; what was compared is kept"),
        _action("verification.repair", "w", "Repair", "Write the source's rows over those that differ; asks first"),
        _action("verification.filter", "slash", "Filter", "Show only tables that contain some words"),
        _action("verification.whole", "i", "Inspect", "What was found as text, to copy or to write"),
        _action("rows.values", "enter", "Values", "Read the row at both ends again"),
        _action("rows.whole", "i", "Inspect", "The marked row with all of its values, to copy"),
        _action("changes.try-again", "r", "Retry", "Try the change that waits again, as it is"),
        _action("changes.run-edited", "e", "Edit and run", "Run other statements in place of the change"),
        _action("changes.skip", "s", "Skip", "Go on without the change; asks for the name"),
        _action("changes.whole", "i", "Inspect", "The change and all that was followed as text, to copy"),
        _action("refused.retry-change", "r", "Retry", "Try the change that waits again, as it is"),
        _action("refused.edit-values", "e", "Edit", "Apply the change with other values; asks for the name"),
        _action("refused.quarantine", "s", "Quarantine", "Keep the change aside and go on; asks for the name"),
        _action("refused.whole", "i", "Inspect", "The change and all that is in quarantine as text, to copy"),
        # Manual
        _action("manual.close", "escape,q", "Close", "Back to the screen below"),
        _action("manual.contents", "t", "Contents", "Go to the topics and headings, or back to the text"),
        _action("manual.search", "slash", "Search", "Find the lines of all topics that contain some words"),
        # Lists
        _action("list.down", "j", "Down", "Next line", show=False),
        _action("list.up", "k", "Up", "Line before", show=False),
        _action("list.first", "g", "First", "First line", show=False),
        _action("list.last", "G", "Last", "Last line", show=False),
    )
}  # fmt: skip

# What people call keys that Textual gives longer names.
_KEY_WORDS = {
    "question_mark": "?",
    "slash": "/",
    "apostrophe": "'",
    "colon": ":",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "tab": "Tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def bindings(*ids: str, methods: Mapping[str, str] | None = None) -> list[BindingType]:
    """Textual's bindings of the actions, in the order given; `methods` renames a method that Textual has."""
    return [_binding(ACTIONS[each], (methods or {}).get(each)) for each in ids]


def _binding(action: Action, method: str | None) -> Binding:
    return Binding(
        action.key,
        method or action.method,
        action.label,
        show=action.show,
        tooltip=action.tooltip,
        id=action.id,
    )


def display_key(key: str) -> str:
    """A key as people write it.

    >>> display_key("question_mark"), display_key("ctrl+p"), display_key("f10"), display_key("upper_d")
    ('?', 'Ctrl+P', 'F10', 'D')
    """
    parts = key.split("+")
    if len(parts) == 1 and len(key) == 1:
        return key
    if len(parts) == 1 and key.startswith("upper_"):
        return key.removeprefix("upper_").upper()
    return "+".join(_KEY_WORDS.get(part, part.title()) for part in parts)


class Available(msgspec.Struct, frozen=True, kw_only=True):
    """An action that can be run now, on `node`. `key` as people write it."""

    id: str
    key: str
    label: str
    tooltip: str
    show: bool
    call: str
    node: DOMNode


def available(screen: Screen[object]) -> list[Available]:
    """The registered actions that `screen` offers at this moment, moving in lists last: the arrows are well known.

    A screen may have `action_labels`: what an action is called there at this moment, by its id.
    """
    labels: Mapping[str, str] = getattr(screen, "action_labels", {})
    found: dict[str, Available] = {}
    for node, binding, enabled, _ in screen.active_bindings.values():
        if binding.id is None or binding.id not in ACTIONS or not enabled or binding.id in found:
            continue
        action = ACTIONS[binding.id]
        found[binding.id] = Available(
            id=action.id,
            key=binding.key_display or display_key(binding.key),
            label=labels.get(action.id, action.label),
            tooltip=action.tooltip,
            show=action.show,
            call=binding.action,
            node=node,
        )
    return sorted(found.values(), key=lambda each: each.id.startswith("list."))


def matching(actions: Iterable[Available], words: str) -> list[Available]:
    """Those whose id, key, label or explanation contains every word."""
    wanted = words.lower().split()
    return [
        each
        for each in actions
        if all(word in f"{each.id} {each.key} {each.label} {each.tooltip}".lower() for word in wanted)
    ]
