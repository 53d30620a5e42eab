"""Blots out secrets in texts that leave the machine: those that can be read here, and what looks like one."""

import json
import os
import re
from collections.abc import Collection

from syncwizard.secrets import environment_names
from syncwizard.task.specification import TaskSpec

BLOT = "***"

# Where a secret is kept is no secret: these follow `password:` in a task file.
_PLACES = r"(?:pgpass|keyring|prompt|null|None|env:\w+)"
_QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\""
# Connection strings, URLs, and CREATE ROLE … PASSWORD; each with what stays before the secret, and after it.
_PATTERNS = [
    re.compile(
        rf"(?i)(\w*passw(?:or)?d[\"']?\s*[=:]\s*)(?![\"']?{_PLACES}(?:[\s\"',;)}}\]]|$))(?:{_QUOTED}|[^\s,;)}}]+)()"
    ),
    re.compile(r"(://[^\s:/@]*:)[^\s@/]+(@)"),
    re.compile(rf"(?i)(\bPASSWORD\s+)(?:{_QUOTED})()"),
]


def known_secrets(spec: TaskSpec) -> set[str]:
    """The secrets of a task that this process finds without asking anybody: those in environment variables."""
    values = {os.environ.get(name) for name in environment_names((spec.source, spec.destination))}
    return {value for value in values if value}


def redact(text: str, secrets: Collection[str] = ()) -> str:
    r"""The text without `secrets`, written plainly or as in JSON, and without what looks like a password.

    >>> redact("connecting with a\\\"b and c", ["a\"b"])
    'connecting with *** and c'
    >>> redact("host=h password='it is' user=u, postgresql://u:pw@h/db")
    'host=h password=*** user=u, postgresql://u:***@h/db'
    >>> redact("ALTER ROLE sync PASSWORD 'pw' VALID")
    'ALTER ROLE sync PASSWORD *** VALID'
    >>> redact("password: env:SOURCE_PW; password authentication failed")
    'password: env:SOURCE_PW; password authentication failed'
    """
    forms = {form for secret in secrets if secret for form in (secret, json.dumps(secret)[1:-1])}
    # The longest first: one may be part of another.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, BLOT)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{BLOT}\g<2>", text)
    return text
