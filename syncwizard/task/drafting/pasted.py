"""A connection as people copy it, as a URL or libpq's key=value pairs, taken apart into the fields of an end. Pure."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.specification import EncryptionMode

_SCHEMES = ("postgresql://", "postgres://")
_PAIR = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']\S*|)\s*")
# libpq's parameters that are fields here.
_FIELDS = {
    "host": "host",
    "hostaddr": "host",
    "port": "port",
    "dbname": "database",
    "user": "user",
    "service": "service",
    "sslrootcert": "ca",
    "sslcert": "certificate",
    "sslkey": "key",
}
# `prefer` and `allow` would accept a connection in clear without a word: encrypted is what they wish for.
_MODES: dict[str, EncryptionMode] = {
    "disable": "disable",
    "allow": "require",
    "prefer": "require",
    "require": "require",
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
}


class Pasted(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection says: the end it makes, its password, and the parameters that have no field."""

    end: EndpointDraft
    password: str = ""
    left_out: tuple[str, ...] = ()


def looks_pasted(text: str) -> bool:
    """Whether a text is a connection rather than the value of one field.

    >>> looks_pasted("postgresql://db1/kb"), looks_pasted("host=db1 dbname=kb"), looks_pasted("db1.example.com")
    (True, True, False)
    """
    words = text.strip()
    return words.startswith(_SCHEMES) or len(_pairs(words) or ()) > 1


def take_apart(text: str, before: EndpointDraft) -> Pasted | None:
    """The end as the connection describes it; what it says nothing of stays as it was before. None for another text.

    >>> found = take_apart("postgres://sync:p%40ss@db1:6432/kb?sslmode=verify-full&options=-c", EndpointDraft())
    >>> found.end.host, found.end.port, found.end.database, found.end.user, found.end.mode, found.end.password
    ('db1', '6432', 'kb', 'sync', 'verify-full', 'prompt')
    >>> found.password, found.left_out
    ('p@ss', ('options',))
    >>> plain = take_apart("postgresql://sync@db1/kb", EndpointDraft(port="5433"))
    >>> plain.end.host, plain.end.port, take_apart("postgres://[::1]/kb", EndpointDraft()).end.describe()
    ('db1', '5433', '::1:5432/kb')
    >>> take_apart(r"host='/var/run/pg' dbname='my db'", EndpointDraft()).end.describe()
    '/var/run/pg:5432/my db'
    >>> take_apart("kb", EndpointDraft()) is None
    True
    """
    words = text.strip()
    found = _of_url(words) if words.startswith(_SCHEMES) else _pairs(words)
    if not found or (len(found) < 2 and not words.startswith(_SCHEMES)):
        return None
    changed = {_FIELDS[name]: value for name, value in found.items() if name in _FIELDS and value}
    host = changed.get("host", "")
    if host.startswith(("/", "@")):
        changed["socket"] = changed.pop("host")
        changed["way"] = "socket"
    elif host:
        changed["way"] = "host"
    elif "service" in changed:
        changed["way"] = "service"
    if "sslmode" in found:
        changed["mode"] = _MODES.get(found["sslmode"], before.mode)
    password = found.get("password", "")
    if password:
        changed["password"] = "prompt"
    known = {*_FIELDS, "sslmode", "password"}
    end = msgspec.structs.replace(before, connection="", **changed)
    return Pasted(end=end, password=password, left_out=tuple(name for name in found if name not in known))


def _of_url(text: str) -> dict[str, str]:
    """Of several hosts with ports each, as libpq takes them."""
    parts = urlsplit(text)
    account, _, places = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    hosts, ports = [], []
    for place in places.split(","):
        host, colon, port = place.rpartition(":")
        if not colon or place.endswith("]"):
            # The colons of an address in brackets part nothing.
            host, port = place, ""
        hosts.append(unquote(host).strip("[]"))
        ports.append(port)
    found = {
        "host": ",".join(filter(None, hosts)),
        "port": ",".join(filter(None, ports)),
        "dbname": unquote(parts.path.lstrip("/")),
        "user": unquote(user),
        "password": unquote(password),
    }
    return {**{name: value for name, value in found.items() if value}, **dict(parse_qsl(parts.query))}


def _pairs(text: str) -> dict[str, str] | None:
    """libpq's key=value pairs; None where the text is something else."""
    found, place = {}, 0
    while place < len(text):
        match = _PAIR.match(text, place)
        if match is None:
            return None
        name, value = match.groups()
        found[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith("'") else value
        place = match.end()
    return found
