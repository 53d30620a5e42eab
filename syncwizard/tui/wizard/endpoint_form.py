"""The fields of one end. Which of them are in sight follows from what was chosen; it edits nothing itself."""

import os
from collections.abc import Iterable
from pathlib import Path

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Input, Label, Select, Static

from syncwizard.errors import End
from syncwizard.secrets import LIBPQ_VARIABLE
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.drafting.pasted import looks_pasted
from syncwizard.task.file import expanded
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.wizard.end_test import EndTest

TYPES = (("postgresql", "PostgreSQL"), ("polardb-postgresql", "PolarDB for PostgreSQL"))
WAYS = (("host", "host"), ("socket", "socket"), ("service", "service"), ("ssh", "SSH tunnel"))
KEEPING = (("pgpass", "libpq's"), ("prompt", "ask"), ("env", "variable"), ("keyring", "keyring"))
KEY_KEEPING = (("none", "none"), ("prompt", "ask"), ("env", "variable"), ("keyring", "keyring"))
MODES = tuple((mode, mode) for mode in ("disable", "require", "verify-ca", "verify-full"))
FILES = ("ca", "certificate", "key")
# Fields that hold a secret: they edit the session, never the draft.
SECRETS = {"secret": "", "key_secret": "_key"}
# In the order of the form: field, label, help.
TEXTS: tuple[tuple[str, str, str], ...] = (
    (
        "host",
        "Host",
        "Name or address, several with commas between; a URL or host=… dbname=… pasted here fills the end",
    ),
    ("socket", "Directory", "The directory of the server's Unix socket"),
    ("service", "Service", "A section of libpq's pg_service.conf; what is left empty below comes from there"),
    ("service_host", "Host", "Empty unless another server is meant than the service's"),
    ("service_port", "Port", "Empty unless another port is meant than the service's"),
    ("ssh", "Through", "user@bastion, or a host of ~/.ssh/config; its key must need no question (agent)"),
    ("local", "Local end", "This machine's end of the tunnel, such as 127.0.0.1:15432; empty: a free port"),
    ("port", "Port", "5432 unless your server was set up otherwise; one for all hosts, or one for each"),
    ("database", "Database", "One database a task; it must exist at both ends"),
    ("user", "Account", "One of the task's own, no superuser if possible; F2 writes the rights it needs as SQL"),
)


def shown_fields(draft: EndpointDraft) -> set[str]:
    """The fields that count for this end.

    >>> sorted(shown_fields(EndpointDraft(way="service", password="env")))
    ... # doctest: +NORMALIZE_WHITESPACE
    ['database', 'mode', 'password', 'service', 'service_host', 'service_port', 'type', 'user', 'variable', 'way']
    """
    shown = {"type", "way", "database", "user", "password", "mode"}
    shown |= {
        "host": {"host", "port"},
        "socket": {"socket", "port"},
        "service": {"service", "service_host", "service_port"},
        # Few tunnels lead to what a service describes: there is one in sight where a task file has it.
        "ssh": {"host", "port", "ssh", "local", *(["service"] if draft.service else [])},
    }[draft.way]
    shown |= {"env": {"variable"}, "keyring": {"secret"}, "prompt": {"secret"}}.get(draft.password, set())
    if draft.mode != "disable":
        shown |= {"ca", "certificate", "key"}
        if draft.key:
            shown |= {"key_password"}
            shown |= {"env": {"key_variable"}, "keyring": {"key_secret"}, "prompt": {"key_secret"}}.get(
                draft.key_password, set()
            )
    return shown


def passfile() -> Path:
    """Where libpq looks for passwords."""
    return expanded(os.environ.get("PGPASSFILE") or "~/.pgpass")


def libpq_knows_none() -> bool:
    """Whether libpq has no place here to find any password in."""
    return not os.environ.get(LIBPQ_VARIABLE) and not passfile().is_file()


def keeping_words(draft: EndpointDraft, trouble: str | None) -> str:
    """What is known here of the place that is given for the password; `trouble`: of the keyring."""
    match draft.password:
        case "pgpass":
            if os.environ.get(LIBPQ_VARIABLE):
                return f"${LIBPQ_VARIABLE} is set and will be used"
            file = passfile()
            return f"libpq looks into {file}" + ("" if file.is_file() else ", which is not there")
        case "keyring":
            return trouble or "typed here it goes into the keyring; left empty: what the keyring has"
        case "env":
            if not draft.variable:
                return "read when the task starts or resumes; never passed to another program"
            return f"${draft.variable} is " + ("set" if draft.variable in os.environ else "not set in this shell")
        case "prompt":
            return "kept in memory; asked for again at each resume"


class PasteInput(Input):
    """A field in which a whole connection may be pasted: it goes to the form, not into the field."""

    class Pasted(Message):
        """A connection was pasted, or typed so fast that it may have been."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def _on_paste(self, event: events.Paste) -> None:
        # Textual calls the one of every class, unless it is prevented.
        if looks_pasted(event.text):
            event.stop()
            event.prevent_default()
            self.post_message(self.Pasted(event.text))

    def _on_blur(self, event: events.Blur) -> None:
        if looks_pasted(self.value):
            text, self.value = self.value, ""
            self.post_message(self.Pasted(text))


class EndpointForm(VerticalScroll, can_focus=False):
    """One end. What its fields say, picking, saving and browsing are the step's to answer."""

    class Picked(Message):
        """A saved connection is to be put in; an empty name is none."""

        def __init__(self, end: End, name: str) -> None:
            super().__init__()
            self.end: End = end
            self.name = name

    class SaveRequested(Message):
        """The end is to be saved as a connection."""

        def __init__(self, end: End) -> None:
            super().__init__()
            self.end: End = end

    class BrowseRequested(Message):
        """A file is to be chosen for the field at `path`."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class ConnectionPasted(Message):
        """A whole connection is to be taken apart into the fields of the end."""

        def __init__(self, end: End, text: str) -> None:
            super().__init__()
            self.end: End = end
            self.text = text

    def __init__(self, end: End) -> None:
        super().__init__(id=f"form-{end}", classes="endpoint-form")
        self.end: End = end
        self._words = ""

    def compose(self) -> ComposeResult:
        """Every field there may be, in reading order, and below them what a test has found."""
        with Vertical(classes="endpoint-fields"):
            role = "copies from" if self.end == "source" else "is written to"
            yield Label(f"[b]{self.end.upper()}[/b]  {role}", classes="form--heading")
            with Horizontal(classes="form--line"):
                yield Label("Saved", classes="field--label")
                yield Select[str]([], prompt="none", compact=True, id=f"saved-{self.end}")
                yield Button("Save…", compact=True, id=f"save-{self.end}")
            yield self._choice("type", "Type", TYPES, "What the server is")
            yield self._choice("way", "Access", WAYS, "How the server is reached from this machine")
            for name, label, words in TEXTS:
                yield self._text(name, label, words)
            yield self._choice(
                "password", "Password", KEEPING, "Where the password is kept; a task file never holds it"
            )
            yield self._text("variable", "", "The environment variable that holds the password")
            yield self._secret("secret", "The password itself")
            yield Static("", classes="form--note", id=f"note-{self.end}", markup=False)
            yield self._choice(
                "mode",
                "Encryption",
                MODES,
                "verify-full alone proves that it is your server; disable never encrypts (libpq's default tries)",
            )
            yield self._file("ca", "CA", "Certificate of the authority that signed the server's; needed by verify-…")
            yield self._file("certificate", "Certificate", "The client's, where the server asks for one; with its key")
            yield self._file("key", "Key", "The client's private key; its file must be readable for you alone")
            yield self._choice("key_password", "Key password", KEY_KEEPING, "Where the key's password is kept")
            yield self._text("key_variable", "", "The environment variable that holds the key's password")
            yield self._secret("key_secret", "The key's password itself")
        yield EndTest(self.end)

    def on_descendant_focus(self) -> None:
        """Its heading says in which end one types."""
        self.add_class("-active")

    def on_descendant_blur(self) -> None:
        """Until the focus is elsewhere."""
        self.remove_class("-active")

    def show_draft(self, draft: EndpointDraft, keyring_trouble: str | None) -> None:
        """Shows the fields that count, and what is known of the password's place."""
        shown = shown_fields(draft)
        for field in self.query(Field):
            field.display = field.path.rpartition(".")[2] in shown
        words = keeping_words(draft, keyring_trouble)
        if words != self._words:
            self._words = words
            self.query_one(f"#note-{self.end}", Static).update(words)
        placeholder = "user, or as in the service" if draft.way == "service" else "your login name"
        self._input("user").placeholder = placeholder
        self._input("host").placeholder = "as seen from the bastion" if draft.way == "ssh" else "db1.example.com"
        for name in ("service_host", "service_port"):
            self._input(name).placeholder = "as in the service"
        self._input("database").placeholder = "as in the service" if draft.way == "service" else ""

    def show_saved(self, names: Iterable[str], chosen: str) -> None:
        """Offers these saved connections."""
        select = self.query_one(f"#saved-{self.end}", Select)
        known = list(names)
        with select.prevent(Select.Changed):
            # As Text: brackets in a name are no markup, and typing finds nothing but Text and str.
            select.set_options([(Text(name), name) for name in known])
            if chosen in known:
                select.value = chosen

    @on(PasteInput.Pasted)
    def _pasted(self, event: PasteInput.Pasted) -> None:
        event.stop()
        self.post_message(self.ConnectionPasted(self.end, event.text))

    @on(Select.Changed)
    def _picked(self, event: Select.Changed) -> None:
        event.stop()
        self.post_message(self.Picked(self.end, "" if event.value is Select.NULL else str(event.value)))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        name = event.button.id or ""
        if name == f"save-{self.end}":
            self.post_message(self.SaveRequested(self.end))
        else:
            self.post_message(self.BrowseRequested(f"{self.end}.{name.removeprefix(f'browse-{self.end}-')}"))

    def _input(self, name: str) -> Input:
        return self.query_one(f"#field-{self.end}-{name}", Field).query_one(Input)

    def _choice(self, name: str, label: str, options: tuple[tuple[str, str], ...], words: str) -> Field:
        return Field(f"{self.end}.{name}", label, Choice(options), help=f"{words} (← → to choose)")

    def _text(self, name: str, label: str, words: str) -> Field:
        return Field(f"{self.end}.{name}", label, PasteInput(compact=True), help=words)

    def _secret(self, name: str, words: str) -> Field:
        return Field(f"{self.end}.{name}", "", Input(compact=True, password=True), help=words)

    def _file(self, name: str, label: str, words: str) -> Field:
        browse = Button("Browse…", compact=True, id=f"browse-{self.end}-{name}")
        return Field(f"{self.end}.{name}", label, Input(compact=True), help=words, unit=browse)
