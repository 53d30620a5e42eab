"""The manual on the screen: one topic as text, and the list of topics, headings and hits that leads to others."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Markdown, OptionList, Static
from textual.widgets.option_list import Option

from syncwizard import manual
from syncwizard.tui.actions import bindings
from syncwizard.tui.widgets.key_bar import KeyBar

# Headings below these make the list longer than a screen without leading further.
LEVELS_LISTED = 2
HITS_SHOWN = 200


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the manual: a topic, and the anchor of a heading in it, or "" for its beginning."""

    topic: str
    anchor: str = ""


class ManualScreen(Screen[None]):
    """Shows `topic` first. On a narrow terminal text and contents take turns, on a wide one they are side by side."""

    CSS_PATH = "styles/manual.tcss"
    AUTO_FOCUS = "#manual-text"
    BINDINGS: ClassVar[list[BindingType]] = bindings("manual.contents", "manual.search", "manual.close")

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic
        self._titles = {each.name: each.title for each in manual.topics()}
        self._places: list[Place] = []
        self._place = Place(topic=topic)

    def compose(self) -> ComposeResult:
        """The title, the field for words, contents and text, the keys."""
        yield Static("", id="manual-title", markup=False)
        yield Input(placeholder="search: words of one line · Enter · Esc clears", id="manual-search", compact=True)
        with Horizontal():
            yield OptionList(id="manual-contents", compact=True)
            with VerticalScroll(id="manual-text"):
                yield Markdown(open_links=False)
        yield KeyBar()

    async def on_mount(self) -> None:
        """Begins with the text."""
        self.query_one("#manual-search").display = False
        await self._go(Place(topic=self._topic))

    async def _go(self, place: Place) -> None:
        """Shows the place and gives the text the focus."""
        self._place = place
        text = self.query_one("#manual-text", VerticalScroll)
        document = self.query_one(Markdown)
        if place.topic != self._topic or not document.source:
            self._topic = place.topic
            await document.update(manual.read(place.topic))
        self.query_one("#manual-title", Static).update(f"Manual · {self._titles[self._topic]}")
        self._list_contents()
        self.remove_class("-contents")
        text.focus()
        if place.anchor:
            self.call_after_refresh(self._lead_to, place)
        else:
            text.scroll_home(animate=False)

    def _lead_to(self, place: Place, laid_out: int = -1) -> None:
        """Goes to a heading, again as long as the text around it is still being laid out: its tables take several
        turns; unless another place was chosen meanwhile."""
        text, document = self.query_one("#manual-text", VerticalScroll), self.query_one(Markdown)
        if place is not self._place or laid_out == document.size.height:
            return
        anchors = [heading.anchor for heading in manual.headings(place.topic)]
        ids = [each for _, _, each in document.table_of_contents]
        if place.anchor in anchors and len(ids) == len(anchors):
            # Not `goto_anchor`: it scrolls later, to where the heading was.
            heading = document.query_one(f"#{ids[anchors.index(place.anchor)]}")
            text.scroll_to(y=heading.virtual_region.y, animate=False)
        self.call_after_refresh(self._lead_to, place, document.size.height)

    def _list_contents(self) -> None:
        """The topics; below the present one its headings."""
        places, lines = [], []
        for name, title in self._titles.items():
            places.append(Place(topic=name))
            lines.append(Content(title).stylize("bold"))
            for heading in manual.headings(name) if name == self._topic else ():
                if 1 < heading.level <= LEVELS_LISTED:
                    places.append(Place(topic=name, anchor=heading.anchor))
                    lines.append(Content(f"  {heading.text}"))
        self._fill(places, lines, places.index(Place(topic=self._topic)))

    def _list_hits(self, hits: list[manual.Hit]) -> None:
        places = [Place(topic=hit.topic, anchor=hit.heading.anchor if hit.heading.level > 1 else "") for hit in hits]
        lines = [
            Content.assemble((f"{self._titles[hit.topic]} · {hit.heading.text}\n", "bold"), f"  {hit.line}")
            for hit in hits
        ]
        self._fill(places, lines, 0)

    def _fill(self, places: list[Place], lines: Iterable[Content], marked: int) -> None:
        contents = self.query_one("#manual-contents", OptionList)
        contents.clear_options()
        contents.add_options([Option(line) for line in lines])
        self._places = places
        contents.highlighted = marked if places else None

    @on(OptionList.OptionSelected, "#manual-contents")
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        await self._go(self._places[event.option_index])

    @on(Markdown.LinkClicked)
    async def _followed(self, event: Markdown.LinkClicked) -> None:
        path, _, anchor = event.href.partition("#")
        topic = PurePosixPath(path).stem if path else self._topic
        if topic in self._titles:
            await self._go(Place(topic=topic, anchor=anchor))
        else:
            self.notify(event.href, title="Not a topic of the manual", markup=False)

    @on(Input.Submitted, "#manual-search")
    def _search(self, event: Input.Submitted) -> None:
        hits = manual.search(event.value)[:HITS_SHOWN]
        if not hits:
            self.notify(f"no line of the manual contains {event.value!r}", severity="warning", markup=False)
            return
        self._close_search()
        self._list_hits(hits)
        self._show_contents()

    def action_search(self) -> None:
        """Asks for words."""
        field = self.query_one("#manual-search", Input)
        field.display = True
        field.value = ""
        field.focus()

    def action_contents(self) -> None:
        """Goes to the contents, or back to the text."""
        if self.query_one("#manual-contents").has_focus:
            self._show_text()
        else:
            self._list_contents()
            self._show_contents()

    def action_close(self) -> None:
        """Leaves the search, then the contents of a narrow terminal, then the manual."""
        if self.query_one("#manual-search").display:
            self._close_search()
            self._show_text()
        elif self.has_class("-contents"):
            self._show_text()
        else:
            self.dismiss()

    def _close_search(self) -> None:
        self.query_one("#manual-search").display = False

    def _show_contents(self) -> None:
        self.add_class("-contents")
        self.query_one("#manual-contents").focus()

    def _show_text(self) -> None:
        self.remove_class("-contents")
        self.query_one("#manual-text").focus()
