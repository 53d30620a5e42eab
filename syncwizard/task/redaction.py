"""Blots secrets out of texts that are kept or sent: those that are known, in every way they may be written, and what
looks like one. Pure; for reports, logs, and other sessions' SQL."""

import base64
import ipaddress
import json
import re
import shlex
from collections.abc import Callable, Collection
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import msgspec

from syncwizard.task.text import one_line

Struct = TypeVar("Struct", bound=msgspec.Struct)

BLOT = "***"
# Fields of events and failures in which the words of a server or of another program may stand.
FOR_PEOPLE = {"title", "detail", "message", "steps", "statements", "summary", "where"}

# Where a secret is kept is no secret: these follow `password:` in a task file.
_PLACES = r"(?:pgpass|keyring|prompt|null|None|env:\w+)"
# A literal may be cut off: what is left of it is blotted out to the end of the text.
_LITERAL = (
    r"(?:[eE]'(?:[^'\\]|\\.|'')*(?:'|$)|(?:[uU]&|[nNbBxX])?'(?:[^']|'')*(?:'|$)"
    r"|\$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z))"
)
# In connection strings, Python and JSON a backslash escapes; JSON within JSON has its quotes escaped.
_END = r"(?=\n)|\Z"
_QUOTED = (
    rf"""(?:\\"(?:(?!\\")[^\n])*(?:\\"|{_END})|"(?:[^"\\\n]|\\.)*(?:"|{_END})|'(?:[^'\\\n]|\\.|'')*(?:'|{_END}))"""
)
# Repetitions are bounded: a hostile server may send what would be looked through again from each of its characters.
_NAMES = (
    r"(?:passw(?:or)?d|passphrase|\bpass"
    r"|(?<![A-Za-z0-9])(?:pwd|pw|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key))"
)
_SPACE = r"(?:\s|/\*.{0,200}?\*/|--[^\n]{0,200}\n)"

# Each with what stays before the secret as its first group, and after it as `after` where something does.
_PATTERNS = [
    re.compile(r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?P<after>-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    # The password of a URL may hold `@` and `/`, written wrongly as they are: it ends with the last `@`.
    re.compile(r"(://[^\s:/@]{0,255}:)[^\s]{1,1000}(?P<after>@)"),
    re.compile(rf"(?is)(\bPASSWORD{_SPACE}{{1,20}}){_LITERAL}"),
    re.compile(rf"(?i)(--?password\s{{1,20}})(?!{_PLACES}\b)(?!-)(?:{_QUOTED}|[^\s'\"]+)"),
    re.compile(r"(?i)(\bauthorization[\"']?\s{0,20}[=:]\s{0,20})(?:(?:bearer|basic)\s{1,20})?[^\s'\",]+"),
    re.compile(
        rf"(?i)({_NAMES}(?:\\?[\"'])?\s{{0,20}}(?:=>?|:)\s{{0,20}})(?!(?:\\?[\"'])?{_PLACES}(?:[\s\"',;)}}\]\\]|$))"
        rf"(?:{_QUOTED}|[^\s,;)}}&'\"]+)"
    ),
    re.compile(r"(SCRAM-SHA-\d+)\$\d+:[^\s$]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+"),
    re.compile(r"(?i)(\bmd5)[0-9a-f]{32}\b"),
    re.compile(r"()\beyJ[\w-]{5,2000}\.[\w-]{1,2000}\.[\w-]+"),
]
_PGPASS_FIELD = r"(?:[^:\s\\]|\\.){1,255}"
_PGPASS = re.compile(rf"(?m)(?<![^\s'\"=])({_PGPASS_FIELD}:(?:\d{{1,5}}|\*):{_PGPASS_FIELD}:{_PGPASS_FIELD}:)(\S.*)$")

# A statement's tokens that hold constants, and quoted names, in which a quote begins nothing.
_TOKENS = re.compile(rf"""(?s)(?P<name>"(?:[^"]|"")*(?:"|\Z))|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|{_LITERAL}""")


class Redactor:
    """Knows the exact secrets of a task; each in the ways in which texts of ours and of servers write it."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in written(secret)}
        # The longest first: one may be part of another.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def known(self, text: str) -> str:
        """The text without the known secrets."""
        return text if self._known is None else self._known.sub(BLOT, text)

    def __call__(self, text: str) -> str:
        """The text without known secrets and without what looks like one; give it whole: a key has many lines."""
        return redact(self.known(text))


def redact(text: str) -> str:
    r"""The text without what looks like a secret.

    >>> redact("host=h password='it is' user=u, postgresql://u:p@/w@h/db")
    'host=h password=*** user=u, postgresql://u:***@h/db'
    >>> redact("ALTER ROLE sync PASSWORD E'p\\'w' VALID; ALTER ROLE b PASSWORD $x$pw$x$")
    'ALTER ROLE sync PASSWORD *** VALID; ALTER ROLE b PASSWORD ***'
    >>> redact("password: env:SOURCE_PW; password authentication failed; ?token=abc&x=1")
    'password: env:SOURCE_PW; password authentication failed; ?token=***&x=1'
    >>> redact("db.example.com:5432:kb:sync:pw")
    'db.example.com:5432:kb:sync:***'
    """
    for pattern in _PATTERNS:
        text = pattern.sub(_blotted, text)
    return _PGPASS.sub(_without_password, text)


def with_texts(data: Struct, change: Callable[[str], str]) -> Struct:
    """The struct with its texts for display changed; names and states stay, which other code compares."""
    changed: dict[str, Any] = {}
    for name in data.__struct_fields__:
        value = getattr(data, name)
        if isinstance(value, msgspec.Struct):
            new: Any = with_texts(value, change)
        elif name in FOR_PEOPLE and isinstance(value, list | tuple):
            new = type(value)(map(change, value))
        elif name in FOR_PEOPLE and isinstance(value, str):
            new = change(value)
        else:
            continue
        if new is not value and new != value:
            changed[name] = new
    return msgspec.structs.replace(data, **changed) if changed else data


def without_literals(statement: str) -> str:
    """The shape of another session's statement, without the values in it; it may be cut off.

    >>> without_literals("INSERT INTO \\"it's\\" VALUES (1, 'Bob', $$x$$) -- for Bob")
    'INSERT INTO "it\\'s" VALUES (1, ***, ***)'
    >>> without_literals("ALTER ROLE a PASSWORD 'cut o")
    'ALTER ROLE a PASSWORD ***'
    """
    return redact(_TOKENS.sub(lambda found: found["name"] or ("" if found["comment"] else BLOT), statement)).strip()


def written(secret: str) -> set[str]:
    """The ways in which the secret may stand in a text: as it is, quoted, escaped, encoded, or two of these at once."""
    once = {way(secret) for way in _WAYS}
    return {form for each in once for way in _WAYS if (form := way(each))}


def _inside(text: str) -> str:
    """Without the quotes around it."""
    return text[1:-1]


_WAYS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: _inside(json.dumps(text)),
    lambda text: _inside(json.dumps(text, ensure_ascii=False)),
    lambda text: _inside(repr(text)),
    one_line,
    lambda text: text.replace("'", "''"),
    lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    lambda text: text.replace("\\", "\\\\").replace("'", "''"),
    lambda text: text.replace('"', '""'),
    # A line of .pgpass.
    lambda text: text.replace("\\", "\\\\").replace(":", "\\:"),
    lambda text: _inside(shlex.quote(text)) if shlex.quote(text) != text else text,
    lambda text: quote(text, safe="", errors="replace"),
    lambda text: quote(text, safe="", errors="replace").replace("%", "%%"),
    lambda text: quote(text, errors="replace"),
    lambda text: quote_plus(text, errors="replace"),
    lambda text: base64.b64encode(text.encode(errors="replace")).decode(),
]


def _blotted(found: "re.Match[str]") -> str:
    groups = found.groupdict()
    return f"{found[1]}{BLOT}{groups.get('after') or ''}"


def _without_password(found: "re.Match[str]") -> str:
    word = found[0].split()[0].strip("[](),;")
    try:
        ipaddress.ip_interface(word)
    except ValueError:
        return f"{found[1]}{BLOT}"
    # An address of IPv6 that happens to look like one.
    return found[0]
