"""Reads and writes the task file; `mistakes` and `validation` report what is wrong with one."""

import contextlib
import os
import re
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from syncwizard.errors import TaskFileError, UsageError
from syncwizard.task import mistakes
from syncwizard.task.specification import DEFAULT_HOST, DEFAULT_PORT, Endpoint, TaskSpec
from syncwizard.task.validation import Problem, find_problems

# Finds the fields of a saved connection by its name.
Lookup = Callable[[str], dict[str, Any]]
# The keys of `encryption` that name files.
FILE_KEYS = ("ca", "certificate", "key")
# A task file of 20,000 tables with long names has some 2 MB; a device or a dump given by mistake has no end.
FILE_BYTES = 16 * 2**20
# Ten times what a task file needs.
DEPTH = 100

# libyaml where PyYAML was built with it: 20,000 tables in 2 s instead of 33 s.
_FASTEST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def no_connections(name: str) -> dict[str, Any]:
    """For files that are complete in themselves."""
    raise UsageError(f"no saved connection is called `{name}`")


def load(path: Path, saved: Lookup = no_connections) -> TaskSpec:
    """The specification in the file, checked, with file names in it made absolute (they are relative to the file).

    `saved` finds the fields of a saved connection, or raises UsageError.
    Raises TaskFileError, which names file, line, path and the nearest valid name.
    """
    return parse(read_text(path), path, saved)


def is_file(text: str) -> bool:
    """Whether the text names a regular file; one that no file can have as its name does not."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def read_text(path: Path) -> str:
    """The text of a task file; raises TaskFileError."""
    try:
        with path.open("rb") as opened:
            content = opened.read(FILE_BYTES + 1)
        if len(content) > FILE_BYTES:
            raise _too_large(path)
        # Decoded by hand: line ends stay as they are, and the id is written back into this very text.
        return content.decode()
    except UnicodeDecodeError as error:
        raise TaskFileError("a task file is UTF-8 text", where=str(path), detail=str(error)) from error
    except OSError as error:
        raise TaskFileError(
            "the task file cannot be read",
            where=str(path),
            detail=error.strerror or str(error),
            remedy="check the path; `syncwizard manual task-file` shows a task file to begin with"
            if isinstance(error, FileNotFoundError)
            else "",
        ) from error


def parse(text: str, path: Path, saved: Lookup = no_connections) -> TaskSpec:
    """The specification in `text`; `path` names it in errors and is where relative file names start."""
    root, data = _read(text, path, _FASTEST)
    if "version" not in data:
        # What a later version means by the same keys may be something else: the file says what it was written for.
        problem = Problem(path="version", message="`version` is missing", remedy="begin the file with `version: 1`")
        raise mistakes.report([problem], root, path)
    for end in ("source", "destination"):
        _put_in_connection(data, end, saved, root, path)
    try:
        spec = msgspec.convert(data, TaskSpec)
    except msgspec.ValidationError as error:
        raise mistakes.explain(error, root, path) from error
    except ValueError as error:
        raise TaskFileError("a value is not valid YAML", where=str(path), detail=str(error)) from error
    spec = with_defaults(with_absolute_paths(spec, path.absolute().parent))
    problems = find_problems(spec)
    if problems:
        raise mistakes.report(problems, root, path)
    return spec


def _put_in_connection(data: dict[str, Any], end: str, saved: Lookup, root: yaml.MappingNode, path: Path) -> None:
    """Replaces `connection: NAME` by what is saved under the name; fields beside it come before the saved ones."""
    given = data.get(end)
    if not isinstance(given, dict) or not isinstance(given.get("connection"), str):
        return
    try:
        fields = saved(given["connection"])
    except UsageError as error:
        problem = Problem(path=f"{end}.connection", message=str(error), remedy=str(error.remedy))
        raise mistakes.report([problem], root, path) from error
    data[end] = {**fields, **{key: value for key, value in given.items() if key != "connection"}}


def compose(text: str, path: Path) -> yaml.MappingNode:
    """The YAML tree, which knows its lines; raises TaskFileError for broken YAML and for a key given twice."""
    # Its positions count characters whatever the text begins with: the id is written at one.
    return _read(text, path, yaml.SafeLoader)[0]


def _read(text: str, path: Path, loader_type: type[yaml.SafeLoader]) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """The YAML tree, and what it means."""
    try:
        _refuse_depth(text, path, loader_type)
        loader = loader_type(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise TaskFileError(
                "a task file is a mapping that begins with `version: 1`",
                where=str(path),
                remedy="`syncwizard manual task-file` shows one to begin with",
            )
        mistakes.refuse_duplicate_keys(root, path)
        return root, loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TaskFileError(
            "the file is not valid YAML",
            where=f"{path}:{line}",
            detail=" ".join(part for part in (error.context, error.problem) if part),
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise TaskFileError("the file is not valid YAML", where=str(path), detail=str(error)) from error


def _refuse_depth(text: str, path: Path, loader_type: type[yaml.SafeLoader]) -> None:
    """Of what is nested the trees are made by recursion, in C without a limit."""
    depth = 0
    for event in yaml.parse(text, Loader=loader_type):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                raise TaskFileError("the file is nested too deeply", where=str(path))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def with_absolute_paths(spec: TaskSpec, folder: Path) -> TaskSpec:
    """The specification with every file name absolute: the engine works in another folder."""
    metrics = spec.advanced.metrics
    if metrics.file is not None:
        metrics = msgspec.structs.replace(metrics, file=str(folder / expanded(metrics.file)))
    alerts = spec.advanced.alerts
    if alerts.email.ca is not None:
        email = msgspec.structs.replace(alerts.email, ca=str(folder / expanded(alerts.email.ca)))
        alerts = msgspec.structs.replace(alerts, email=email)
    return msgspec.structs.replace(
        spec,
        source=_absolute_endpoint(spec.source, folder),
        destination=_absolute_endpoint(spec.destination, folder),
        advanced=msgspec.structs.replace(spec.advanced, metrics=metrics, alerts=alerts),
    )


def expanded(text: str) -> Path:
    """The path of a file as typed, with the home folder for `~`; that of an unknown user stays as it is."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def with_defaults(spec: TaskSpec) -> TaskSpec:
    """The specification with host and port spelled out where no service may name them."""
    return msgspec.structs.replace(
        spec, source=_complete_endpoint(spec.source), destination=_complete_endpoint(spec.destination)
    )


def _complete_endpoint(endpoint: Endpoint) -> Endpoint:
    if endpoint.service is not None:
        return endpoint
    host = DEFAULT_HOST if endpoint.host is None else endpoint.host
    port = DEFAULT_PORT if endpoint.port is None else endpoint.port
    return msgspec.structs.replace(endpoint, host=host, port=port)


def _absolute_endpoint(endpoint: Endpoint, folder: Path) -> Endpoint:
    encryption = endpoint.encryption
    named = {key: getattr(encryption, key) for key in FILE_KEYS}
    absolute = {key: str(folder / expanded(name)) for key, name in named.items() if name is not None}
    return msgspec.structs.replace(endpoint, encryption=msgspec.structs.replace(encryption, **absolute))


def dump(spec: TaskSpec) -> str:
    """The specification as YAML, every default spelled out, in the order of its fields; what a terminal would obey in
    a name, or not show, is written as an escape of YAML's."""
    data: dict[str, Any] = msgspec.to_builtins(spec)
    return dump_plain(_without_nulls(data))


def dump_plain(data: Any) -> str:
    r"""Plain data as YAML with printable characters alone.

    >>> print(dump_plain({"table": "caf\xe9", "schema": "a\x1b\u202eb"}), end="")
    table: café
    schema: "a\e\u202Eb"
    """
    text = yaml.dump(data, Dumper=_Printable, sort_keys=False, allow_unicode=True, width=120)
    if text.replace("\n", "").isprintable():
        return text
    # In double quotes, as everything that is not printable is here, an escape means the character.
    return re.sub(r"[^\n]", lambda found: found[0] if found[0].isprintable() else _escaped(found[0]), text)


class _Printable(yaml.SafeDumper):
    """Puts texts that are not printable into double quotes."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Printable.add_representer(str, _represent_text)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def _without_nulls(value: Any) -> Any:
    """Leaves out what was not given: `ca: null` tells a reader nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def save(spec: TaskSpec, path: Path) -> None:
    """Writes the specification in one step: a reader sees the old file or the new one.

    Raises TaskFileError for one that could not be read back.
    """
    text = dump(spec)
    if len(text.encode()) > FILE_BYTES:
        raise _too_large(path)
    replace_text(path, text)


def _too_large(path: Path) -> TaskFileError:
    return TaskFileError(
        f"a task file has at most {FILE_BYTES // 2**20} MB",
        where=str(path),
        remedy="select whole schemas, and exclude what is not wanted of them",
    )


def write_id(path: Path, task_id: uuid.UUID) -> None:
    """Puts the task's id into the user's file and leaves every other character as it is.

    Raises TaskFileError when the file cannot be written.
    """
    text = read_text(path)
    changed = text_with_id(text, compose(text, path), task_id)
    try:
        replace_text(path.resolve(), changed)
    except OSError as error:
        raise TaskFileError(
            "the task's id cannot be written into the file",
            where=str(path),
            detail=error.strerror or str(error),
            remedy=f"make the file writable, or add the line `id: {task_id}` to it yourself",
        ) from error


def text_with_id(text: str, root: yaml.MappingNode, task_id: uuid.UUID) -> str:
    """The text with its `id` replaced, or with a line `id: …` after `version`, which every task file has."""
    nodes = {key.value: (key, value) for key, value in root.value}
    if "id" in nodes:
        key, value = nodes["id"]
        if value.start_mark.index < value.end_mark.index:
            return text[: value.start_mark.index] + str(task_id) + text[value.end_mark.index :]
        after_colon = text.index(":", key.end_mark.index) + 1
        return f"{text[:after_colon]} {task_id}{text[after_colon:]}"
    if root.flow_style:
        inside = root.start_mark.index + 1
        return f"{text[:inside]}id: {task_id}, {text[inside:]}"
    line_end = text.find("\n", nodes["version"][1].end_mark.index)
    if line_end < 0:
        return f"{text}\nid: {task_id}\n"
    return f"{text[: line_end + 1]}id: {task_id}\n{text[line_end + 1 :]}"


def replace_text(path: Path, text: str) -> None:
    """Writes beside the file and renames over it, keeping its mode, so that a crash leaves no half file."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
