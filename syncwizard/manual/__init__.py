"""The manual: the Markdown files of this folder, as topics. Terminal, screens and README show the same files."""

import difflib
import re
from collections.abc import Iterator
from importlib import resources

import msgspec

from syncwizard.errors import UsageError

# In the order in which a newcomer reads them.
NAMES = (
    "first-steps",
    "preparing",
    "task-file",
    "rows",
    "commands",
    "screens",
    "monitoring",
    "alerts",
    "verification",
    "cutover",
    "changing",
    "failures",
    "limits",
    "correctness",
    "speed",
    "design",
)
_HEADING = re.compile(r"^(#{1,6}) (.*)$")
_FENCE = re.compile(r"^\s*```")


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the manual: its name without `.md`, its title, and its subject in one line."""

    name: str
    title: str
    about: str


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """A heading of a topic; `level` 1 is the title, `anchor` what a link to it ends with."""

    level: int
    text: str
    anchor: str


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the manual that contains what was searched for, and the heading that it stands under."""

    topic: str
    heading: Heading
    line: str


def dashboard() -> str:
    """A dashboard for Grafana over the metrics, as JSON."""
    return (resources.files(__package__) / "grafana-dashboard.json").read_text(encoding="utf-8")


def topics() -> list[Topic]:
    """All topics, in reading order."""
    return [_topic(name) for name in NAMES]


def read(name: str) -> str:
    """The topic's Markdown. Raises UsageError, with the nearest name, where there is no such topic."""
    if name not in NAMES:
        raise UsageError(f"there is no topic `{name}` in the manual", remedy=_nearest(name))
    return (resources.files(__name__) / f"{name}.md").read_text(encoding="utf-8")


def headings(name: str) -> list[Heading]:
    """The headings of a topic, from the top."""
    found = [heading for heading, _ in _lines(name)]
    return [heading for at, heading in enumerate(found) if at == 0 or heading is not found[at - 1]]


def search(words: str) -> list[Hit]:
    """The lines that contain all of the words, in reading order; capitals do not matter.

    >>> [hit.topic for hit in search("RULE 29 durable")]
    ['design']
    """
    wanted = words.lower().split()
    return [
        Hit(topic=name, heading=heading, line=line.strip())
        for name in NAMES
        for heading, line in _lines(name)
        if wanted and all(word in line.lower() for word in wanted)
    ]


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as GitHub and Textual make it.

    >>> anchor_of("Exit codes, and `--json`")
    'exit-codes-and---json'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _topic(name: str) -> Topic:
    title, _, rest = read(name).partition("\n")
    about = next(line for line in rest.splitlines() if line)
    return Topic(name=name, title=title.removeprefix("# "), about=about)


def _lines(name: str) -> Iterator[tuple[Heading, str]]:
    """Each line with the heading over it; a comment in an example is no heading."""
    current = Heading(level=1, text=name, anchor=name)
    fenced = False
    for line in read(name).splitlines():
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced else _HEADING.match(line)
        if found is not None:
            current = Heading(level=len(found[1]), text=found[2], anchor=anchor_of(found[2]))
        yield current, line


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), NAMES, n=1)
    return f"did you mean `{near[0]}`?" if near else f"the topics are: {', '.join(NAMES)}"
