"""Views of the task list: what is shown, in which order, under a name."""

from collections.abc import Sequence

import msgspec

from syncwizard.tui.settings import TaskView

# What every list begins with; it needs no name.
ALL = TaskView(name="all tasks")


def following(views: Sequence[TaskView], shown: TaskView) -> TaskView:
    """The view after the one that shows the same as `shown`; all tasks come before the first and after the last.

    >>> mine, other = TaskView(name="mine", filter="kb"), TaskView(name="late", sort="behind")
    >>> [following([mine, other], each).name for each in (ALL, mine, other, TaskView(name="", filter="x"))]
    ['mine', 'late', 'all tasks', 'mine']
    """
    order = [ALL, *views]
    places = [place for place, view in enumerate(order) if same(view, shown)]
    return order[(places[0] + 1 if places else 1) % len(order)]


def name_of(views: Sequence[TaskView], shown: TaskView) -> str:
    """The name under which this is kept, or nothing."""
    return next((view.name for view in views if same(view, shown)), "")


def same(one: TaskView, other: TaskView) -> bool:
    """Whether both show the same, whatever they are called."""
    return msgspec.structs.replace(one, name=other.name) == other


def with_view(views: Sequence[TaskView], view: TaskView) -> tuple[TaskView, ...]:
    """The views with this one, in the place of one of its name."""
    if any(each.name == view.name for each in views):
        return tuple(view if each.name == view.name else each for each in views)
    return (*views, view)


def describe(view: TaskView) -> str:
    """What a view shows, in words.

    >>> describe(TaskView(name="", filter="kb", sort="name", released=True)), describe(ALL)
    ('“kb”, by name, with released tasks', 'all, by trouble')
    """
    parts = [f"“{view.filter}”" if view.filter else "all", f"by {view.sort or 'trouble'}"]
    return ", ".join([*parts, "with released tasks"] if view.released else parts)
