"""The manual in the screens: F1 opens the topic that fits, at 80 columns and with the keyboard alone."""

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Markdown, OptionList

from syncwizard import manual
from syncwizard.errors import EndpointError
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.manual_screen import ManualScreen
from syncwizard.tui.opening import Opening
from syncwizard.tui.tasks.screen import TasksScreen
from tests.support.replay import Moments, store_task, synchronizing, view_of
from tests.tui.apps import WIDE, monitor, shown, text_on
from tests.tui.keyboard import Keyboard, at_screens
from tests.tui.test_snapshots import FAILED, RUNNING, SIZES, SnapCompare, waiting

pytestmark = pytest.mark.slow


def scrolled(person: Keyboard) -> float:
    """How far the text is scrolled, in lines."""
    return person.app.screen.query_one("#manual-text", VerticalScroll).scroll_y


async def test_f1_opens_the_topic_of_the_screen_and_escape_or_q_comes_back() -> None:
    async with at_screens(Opening()) as person:
        for key in ("escape", "q"):
            await person.press("f1")
            await person.until_seen("Manual · First steps")
            await person.until_seen("Install, see the demonstration")
            await person.press(key)
            await person.until_on(TasksScreen)


@pytest.mark.parametrize(("moments", "title"), [(RUNNING, "The screens"), (FAILED, "When a task fails")])
async def test_a_monitor_opens_what_to_do_where_something_is_wrong(moments: Moments, title: str) -> None:
    app = monitor(view_of(store_task(), moments, synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "kb-to-frankfurt")
        await pilot.press("f1")
        await shown(pilot, f"Manual · {title}")


async def test_a_step_of_the_wizard_and_a_dialog_have_their_topics() -> None:
    async with at_screens(Opening(screen="wizard", draft=TaskDraft())) as person:
        await person.until_seen("Task name")
        # In a field, too.
        await person.press("f1")
        await person.until_seen("Manual · Preparing both ends")
        await person.press("escape")
        person.app.push_screen(ErrorDialog(EndpointError("refused", end="source", transient=False)))
        await person.until_seen("It did not work")
        await person.press("f1")
        await person.until_seen("Manual · When a task fails")
        await person.press("escape")
        await person.until_on(ErrorDialog)


async def test_the_contents_lead_to_headings_and_to_every_topic_at_80_columns() -> None:
    async with at_screens(Opening()) as person:
        await person.press("f1")
        await person.until_seen("Install, see the demonstration")
        await person.press("t")
        contents = person.app.screen.query_one(OptionList)
        await person.until(lambda: contents.has_focus, "the contents have the focus")
        assert not person.sees("Install, see the demonstration")
        # The topic, then its headings.
        await person.press("down", "down", "down", "enter")
        await person.until(lambda: scrolled(person) > 0, "the heading was scrolled to")
        assert person.sees("The demonstration")
        await person.press("t", "end", "enter")
        await person.until_seen(f"Manual · {manual.topics()[-1].title}")
        assert person.app.screen.query_one(Markdown).source == manual.read(manual.NAMES[-1])
        assert person.app.focused is person.app.screen.query_one("#manual-text")


async def test_a_search_lists_lines_of_all_topics_and_goes_to_their_heading() -> None:
    async with at_screens(Opening()) as person:
        await person.press("f1")
        await person.until_seen("Install, see the demonstration")
        await person.press("slash")
        await person.write("pg_reload_conf")
        await person.press("enter")
        await person.until_seen("Preparing both ends · pg_hba.conf")
        await person.press("enter")
        await person.until_seen("Manual · Preparing both ends")
        await person.until(lambda: scrolled(person) > 0, "the heading was scrolled to")
        await person.until_seen("takes effect after SELECT")


async def test_a_search_without_a_hit_says_so_and_escape_leaves_it_first() -> None:
    async with at_screens(Opening()) as person:
        await person.press("f1", "slash")
        await person.write("no such words")
        await person.press("enter", "escape")
        assert isinstance(person.app.screen, ManualScreen)
        assert person.app.focused is person.app.screen.query_one("#manual-text")
        await person.press("escape")
        await person.until_on(TasksScreen)


async def test_a_link_leads_to_its_topic() -> None:
    async with at_screens(Opening()) as person:
        await person.press("f1")
        await person.until_seen("Install, see the demonstration")
        document = person.app.screen.query_one(Markdown)
        document.post_message(Markdown.LinkClicked(document, "failures.md#changes-were-lost"))
        await person.until_seen("Manual · When a task fails")
        await person.until(lambda: scrolled(person) > 0, "the heading was scrolled to")


@pytest.mark.parametrize("link", ["verification.md#samples", "failures.md#quarantine", "task-file.md#in-an-editor"])
async def test_a_link_to_a_heading_brings_it_to_the_top_of_the_text(link: str) -> None:
    topic, _, anchor = link.partition(".md#")
    title = next(each.text for each in manual.headings(topic) if each.anchor == anchor)
    async with at_screens(Opening()) as person:
        await person.press("f1")
        await person.until_seen("Install, see the demonstration")
        document = person.app.screen.query_one(Markdown)
        document.post_message(Markdown.LinkClicked(document, link))
        # Below the title and an empty line.
        await person.until(lambda: text_on(person.app).splitlines()[2].strip(" ▁▂▃▄▅▆▇█") == title, f"{title} is first")


async def test_text_and_contents_are_side_by_side_where_there_is_room() -> None:
    async with at_screens(Opening(), WIDE) as person:
        await person.press("f1")
        await person.until_seen("Install, see the demonstration")
        assert person.sees("How nothing gets lost")


async def test_what_can_be_done_in_the_manual_is_listed_by_the_help() -> None:
    async with at_screens(Opening()) as person:
        await person.press("f1", "question_mark")
        await person.until_seen("Find the lines of all topics")


@SIZES
def test_the_manual(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """The text of a topic; on a wide terminal the topics beside it."""
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    assert snap_compare(app, terminal_size=size, run_before=waiting("kb-to-frankfurt", "f1"))


def test_the_contents_of_a_narrow_manual(snap_compare: SnapCompare) -> None:
    """The topics, and the headings of the present one."""
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    assert snap_compare(app, terminal_size=(80, 24), run_before=waiting("kb-to-frankfurt", "f1", "t"))
