"""README's picture that moves: one file of a size to be loaded at once, and of its own."""

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.support.moving_picture import moving_picture

PICTURE = Path(__file__).parents[2] / "screenshots" / "first-minute.svg"
LARGEST_BYTES = 1_000_000
FRAME = '<svg class="rich-terminal" viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg"><text>{}</text></svg>'


def test_each_frame_has_its_time_and_the_last_stands_where_nothing_moves() -> None:
    picture = moving_picture([(FRAME.format("a"), 1.0), (FRAME.format("b"), 3.0)])
    assert "@keyframes f0 { 0% { visibility: visible } 25.000%, 100%" in picture
    assert "@keyframes f1 { 0% { visibility: hidden } 25.000% { visibility: visible } 100.000%, 100%" in picture
    groups = ElementTree.fromstring(picture).findall("{*}g")
    assert [group.get("visibility") for group in groups] == ["hidden", None]


def test_the_picture_of_the_first_minute_needs_nothing_else() -> None:
    text = PICTURE.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_BYTES
    ElementTree.fromstring(text)
    assert text.count('<g class="frame') > 10
    assert re.findall(r"https?://(?!www\.w3\.org/)[^\s\"')]*|<script", text) == []
