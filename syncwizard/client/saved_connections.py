"""Saved connections: ends by name, in one file of the config directory, for its owner alone and never with a secret."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from syncwizard import paths
from syncwizard.client.precheck_items import unknown_items
from syncwizard.errors import TaskFileError, UsageError
from syncwizard.rows.rule_syntax import rule_problems
from syncwizard.task import file, mistakes
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.text import did_you_mean
from syncwizard.task.validation import Problem, endpoint_problems

# What was given of each, and nothing else: the task file that names a connection may give the rest.
Fields = dict[str, Any]


def load_task(path: Path) -> TaskSpec:
    """The specification in a task file, with the saved connections that it names put in their places."""
    text = file.read_text(path)
    spec = file.parse(text, path, fields_of)
    unknown = unknown_items(entry if isinstance(entry, str) else entry.item for entry in spec.precheck.ignore)
    problems = list(rule_problems(spec))
    if unknown:
        problems += [
            Problem(path="precheck.ignore", message=f"no precheck item is called `{name}`", remedy=remedy)
            for name, remedy in unknown.items()
        ]
    if problems:
        raise mistakes.report(problems, file.compose(text, path), path)
    return spec


def list_connections() -> dict[str, Endpoint]:
    """All saved connections by name; raises TaskFileError where the file is damaged."""
    return {name: checked(name, fields) for name, fields in sorted(_read().items())}


def fields_of(name: str) -> Fields:
    """What is saved under the name, with absolute file names; raises UsageError with the nearest name."""
    saved = _read()
    if name not in saved:
        raise _unknown(name, saved)
    checked(name, saved[name])
    return _absolute(saved[name])


def add(name: str, fields: Fields, *, replace: bool = False) -> Endpoint:
    """Saves a connection; raises UsageError when the name is taken, unless it is to be replaced."""
    if not name.strip() or not name.isprintable() or name != name.strip():
        raise UsageError("a connection's name is printable text without spaces at its ends")
    endpoint = checked(name, fields)
    saved = _read()
    if name in saved and not replace:
        raise UsageError(f"there is a connection called `{name}` already", remedy="add --replace, or choose a name")
    _write({**saved, name: fields})
    return endpoint


def remove(name: str) -> None:
    """Forgets a connection. Tasks that were started with it keep what it was."""
    saved = _read()
    if name not in saved:
        raise _unknown(name, saved)
    _write({other: fields for other, fields in saved.items() if other != name})


def checked(name: str, fields: Fields) -> Endpoint:
    """The connection as an end; raises TaskFileError that says what is wrong with it."""
    where = f"connection `{name}`"
    remedy = f"correct {paths.connections_file()}, or remove it: syncwizard connections remove {shlex.quote(name)}"
    try:
        endpoint = msgspec.convert(fields, Endpoint)
    except msgspec.ValidationError as error:
        raise TaskFileError("it is not valid", where=where, detail=str(error), remedy=remedy) from error
    if endpoint.connection is not None:
        raise TaskFileError("a saved connection cannot name another one", where=where, remedy=remedy)
    for problem in endpoint_problems("", endpoint, whole=False):
        raise TaskFileError(f"{problem.path.lstrip('.')}: {problem.message}", where=where, remedy=problem.remedy)
    return endpoint


def _read() -> dict[str, Fields]:
    path = paths.connections_file()
    if not path.exists():
        return {}
    try:
        return msgspec.convert(yaml.safe_load(file.read_text(path)) or {}, dict[str, dict[str, Any]])
    except (yaml.YAMLError, ValueError) as error:
        raise TaskFileError("the saved connections cannot be read", where=str(path), detail=str(error)) from error


def _write(saved: Mapping[str, Fields]) -> None:
    path = paths.connections_file()
    paths.ensure_private_folder(path.parent)
    file.replace_text(path, yaml.safe_dump(dict(saved), sort_keys=True, allow_unicode=True, width=120))
    # It contains addresses and accounts of servers; it may have been created by hand.
    path.chmod(0o600)


def _absolute(fields: Fields) -> Fields:
    """File names start at the folder of the connections, wherever the task file is."""
    encryption = fields.get("encryption")
    if encryption is None:
        return fields
    folder = paths.connections_file().parent
    named = {key: str(folder / file.expanded(encryption[key])) for key in file.FILE_KEYS if encryption.get(key)}
    return {**fields, "encryption": {**encryption, **named}}


def _unknown(name: str, saved: Mapping[str, Fields]) -> UsageError:
    every = f"those saved are: {', '.join(sorted(saved))}" if saved else "save one: syncwizard connections add"
    remedy = did_you_mean(name, saved) or every
    return UsageError(f"no saved connection is called `{name}`", remedy=remedy)
