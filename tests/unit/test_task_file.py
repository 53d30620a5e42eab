"""The task file: what is read, what is refused and in which words, and how the id gets in."""

import subprocess
import sys
import uuid
from pathlib import Path

import msgspec
import pytest

from syncwizard.errors import TaskFileError
from syncwizard.task import file
from syncwizard.task.specification import SchemaObjects, TableObject

GOOD = """\
version: 1            # the only one
name: kb
source: {database: kb, host: /tmp}
destination:
  database: kb2
  host: 127.0.0.1
  port: 5433
  password: env:DST_PW
objects:
  - schema: public
  - schema: sales
    tables: [{table: orders}]
"""
ID = uuid.UUID("0d0e1f2a-3b4c-5d6e-8f90-a1b2c3d4e5f6")


def refused(text: str, path: Path) -> TaskFileError:
    path.write_text(text)
    with pytest.raises(TaskFileError) as caught:
        file.load(path)
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kb.yaml"


def test_a_task_file_is_read_with_defaults(path: Path) -> None:
    path.write_text(GOOD)
    spec = file.load(path)
    assert spec.source.port == 5432
    assert spec.destination.password == "env:DST_PW"
    assert spec.selects_table("sales", "orders")
    assert not spec.selects_table("sales", "customers")
    assert spec.advanced.retry.connection_minutes == 720


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "title", "remedy"),
    [
        ("    tables:", "    tabels:", 12, "objects[1].tabels", "unknown name `tabels`", "did you mean `tables`?"),
        ("{table: orders}", "{tbl: orders}", 12, "objects[1].tables[0].tbl", "unknown name `tbl`", "`table`"),
        ("kb2\n", "kb2\n  type: postgres\n", 6, "destination.type", "`postgres` is not", "did you mean `postgresql`?"),
        ("5433", "high", 7, "destination.port", "must be a number or a list, not text", ""),
        ("  database: kb2\n", "", 4, "destination.database", "`database` is missing", "add `database:`"),
        ("{table: orders}", "{table: 7}", 12, "objects[1].tables[0].table", "must be text, not a number", "quotes"),
        ("{table: orders}", "{table: on}", 12, "objects[1].tables[0].table", "must be text, not true/false", "quotes"),
        ("version: 1 ", "version: 2 ", 1, "version", "`2` is not a valid value", "one of: 1"),
        ("5433", "70000", 7, "destination.port", "1 to 65535", ""),
        ("env:DST_PW", "hunter2", 8, "destination.password", "not the password itself", "env:NAME"),
        ("name: kb", 'name: ""', 2, "name", "the name is empty", ""),
        ("name: kb", f"name: {'x' * 64}", 2, "name", "64 characters; at most 63", ""),
        ("version: 1            # the only one\n", "", 1, "version", "`version` is missing", "`version: 1`"),
        ("schema: sales", "schema: public", 11, "objects[1].schema", "listed twice", ""),
        ("{table: orders}", "{table: a}, {table: a}", 12, "objects[1].tables", "`a` is listed 2 times", ""),
    ],
)
def test_a_mistake_names_line_path_and_way_on(
    path: Path, old: str, new: str, line: int, where: str, title: str, remedy: str
) -> None:
    assert old in GOOD
    error = refused(GOOD.replace(old, new), path)
    assert error.where == f"{path}:{line}: {where}"
    assert title in error.title
    assert remedy in str(error.remedy)
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("added", "where", "title"),
    [
        ("synchronization: {types: [schema, full]}", "synchronization.types", "`incremental` is always part"),
        ("synchronization: {types: [schema, fulll]}", "synchronization.types[1]", "`fulll` is not a valid value"),
        ("advanced: {retry: {connection_minutes: 9}}", "advanced.retry.connection_minutes", "10 to 1440"),
        ("advanced: {retry: {other_minutes: 0}}", "advanced.retry.other_minutes", "1 to 1440"),
        (
            "advanced: {retry: {connection_minutes: 20, other_minutes: 20}}",
            "advanced.retry.other_minutes",
            "less than connection_minutes (20)",
        ),
    ],
)
def test_settings_out_of_range_are_refused(path: Path, added: str, where: str, title: str) -> None:
    error = refused(GOOD + added + "\n", path)
    assert error.where == f"{path}:13: {where}"
    assert title in error.title


@pytest.mark.parametrize(
    ("encryption", "where", "title"),
    [
        ("{mode: verify-full}", "source.encryption.ca", "`verify-full` needs `ca`"),
        ("{mode: require, certificate: c.pem}", "source.encryption.key", "belong together"),
        ("{mode: require, key_password: secret}", "source.encryption.key_password", "not the password itself"),
        ("{mode: verify}", "source.encryption.mode", "`verify` is not a valid value"),
    ],
)
def test_encryption_must_be_complete(path: Path, encryption: str, where: str, title: str) -> None:
    error = refused(GOOD.replace("host: /tmp}", f"host: /tmp, encryption: {encryption}}}"), path)
    assert error.where == f"{path}:3: {where}"
    assert title in error.title


def test_all_problems_are_reported_at_once(path: Path) -> None:
    error = refused(GOOD.replace("5433", "0").replace("name: kb", 'name: ""'), path)
    assert error.where.endswith(": name")
    assert "also destination.port" in error.detail


def test_a_password_in_the_file_is_not_repeated(path: Path) -> None:
    error = refused(GOOD.replace("env:DST_PW", "hunter2"), path)
    assert "hunter2" not in f"{error.title}{error.detail}{error.remedy}"


@pytest.mark.parametrize("text", ["", "- a\n", "just words", "a: [1\n", "a: b: c", "\tx: 1", "name: kb\nname: kb\n"])
def test_what_is_no_task_file_is_refused(path: Path, text: str) -> None:
    assert str(path) in refused(text, path).where


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TaskFileError, match="cannot be read"):
        file.load(tmp_path / "none.yaml")


def test_file_names_are_relative_to_the_task_file(path: Path) -> None:
    path.write_text(GOOD.replace("host: /tmp}", "host: /tmp, encryption: {mode: verify-ca, ca: certs/ca.pem}}"))
    assert file.load(path).source.encryption.ca == str(path.parent / "certs/ca.pem")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "# comment first\n\n" + GOOD,
        GOOD.replace("name: kb\n", "name: kb\nid:   # later\n"),
        GOOD.replace("name: kb\n", "id: 11111111-2222-3333-4444-555555555555 # mine\nname: kb\n"),
        "---\n" + GOOD,
        "{version: 1, name: kb, source: {database: a}, destination: {database: b}, objects: [{schema: public}]}",
        GOOD.replace("\n", "\r\n"),
    ],
    ids=["plain", "comment", "empty id", "other id", "document mark", "flow", "crlf"],
)
def test_the_id_is_written_and_everything_else_stays(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    path.chmod(0o640)
    file.write_id(path, ID)
    assert file.load(path).id == ID
    changed = path.read_bytes().decode()
    assert changed.count("id: ") == text.count("id: ") + (0 if "\nid: 1" in text else 1) - ("\nid:  " in text)
    for line in text.splitlines(keepends=True):
        if "id:" not in line and not text.startswith("{"):
            assert line in changed.splitlines(keepends=True)
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_dumped_is_read_back_equal(path: Path) -> None:
    path.write_text(GOOD)
    spec = file.load(path)
    assert file.parse(file.dump(spec), path) == spec


@pytest.mark.parametrize(
    "text",
    ["version: &a [*a]\n", "[" * 20_000, "? &a [*a]\n: 1\n", f"{GOOD}x: {'{a: ' * 5_000}"],
    ids=["alias of itself", "lists", "key of itself", "mappings"],
)
def test_a_file_without_bottom_is_refused_in_words(text: str, path: Path) -> None:
    assert str(path) in refused(text, path).where


def test_aliases_of_aliases_take_no_time(path: Path) -> None:
    levels = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 40))
    assert "unknown name `x0`" in refused(f"x0: &x0 [1]\n{levels}{GOOD}", path).title


@pytest.mark.parametrize("name", ["/dev/zero", "dump.sql"])
def test_what_is_too_large_for_a_task_file_is_not_read_to_its_end(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if not path.exists():
        path.write_bytes(b"#" * (file.FILE_BYTES + 1))
    with pytest.raises(TaskFileError, match="at most 16 MB"):
        file.load(path)


@pytest.mark.parametrize("schema", ["pg_catalog", "pg_toast", "information_schema"])
def test_schemas_of_the_server_are_refused(schema: str, path: Path) -> None:
    error = refused(GOOD.replace("schema: sales", f"schema: {schema}"), path)
    assert error.where == f"{path}:11: objects[1].schema"
    assert f"`{schema}` is a schema of the server" in error.title


@pytest.mark.parametrize("text", ["postgresql://me:hunter2@db/kb", "dbname=kb password=hunter2", "password=hunter2"])
@pytest.mark.parametrize(("field", "old"), [("database", "kb2"), ("host", "127.0.0.1")])
def test_a_connection_string_is_refused_and_not_repeated(field: str, old: str, text: str, path: Path) -> None:
    error = refused(GOOD.replace(f"{field}: {old}", f"{field}: '{text}'"), path)
    assert f"destination.{field}" in error.where
    assert "a password is never in the file" in str(error.remedy)
    assert "hunter2" not in f"{error} {error.remedy}"


FIRST_READERS = """
import sys, threading
import msgspec
from syncwizard.task.specification import TaskSpec
sys.setswitchinterval(1e-6)
gate = threading.Barrier(8)
data = {"name": "kb", "source": {"host": "a"}, "destination": {"host": "b"}, "objects": [{"schema": "public"}]}
def read():
    gate.wait()
    msgspec.convert(data, TaskSpec)
threads = [threading.Thread(target=read) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_threads_may_be_the_first_to_read_a_task_at_once() -> None:
    """Without the description made at import a third of these processes ends by a segmentation fault."""
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", FIRST_READERS], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_file_of_a_user_who_is_not_here_is_named_as_it_is(path: Path) -> None:
    encryption = "{mode: verify-ca, ca: ~nosuchuser/ca.pem}"
    path.write_text(GOOD.replace("host: /tmp}", f"host: /tmp, encryption: {encryption}}}"))
    assert file.load(path).source.encryption.ca == str(path.parent / "~nosuchuser/ca.pem")


@pytest.mark.parametrize(
    "local",
    ["127.0.0.1:²", "127.0.0.1:0", "127.0.0.1:70000", f"127.0.0.1:{'9' * 5000}", "15432"],
    ids=["superscript", "zero", "too large", "too long", "no address"],
)
def test_a_local_end_of_a_tunnel_is_an_address_and_a_port(path: Path, local: str) -> None:
    access = f"access: {{ssh: me@bastion, local: '{local}'}}"
    error = refused(GOOD.replace("host: /tmp}", f"host: db1, {access}}}"), path)
    assert error.where == f"{path}:3: source.access.local"


@pytest.mark.parametrize("ssh", ["-oProxyCommand=id", "me@-oProxyCommand=id", "ssh://-oProxyCommand=id", "a b", ""])
def test_a_destination_of_ssh_is_never_an_option(path: Path, ssh: str) -> None:
    error = refused(GOOD.replace("host: /tmp}", f"host: db1, access: {{ssh: '{ssh}'}}}}"), path)
    assert error.where == f"{path}:3: source.access.ssh"
    assert "not a destination of ssh" in error.title


def test_the_tables_of_a_large_database_fit_into_a_task_file(path: Path) -> None:
    path.write_text(GOOD)
    chosen = SchemaObjects(schema="s", tables=[TableObject(table=f"{number:063}") for number in range(200)])
    spec = msgspec.structs.replace(file.load(path), objects=[chosen])
    assert 100 * len(file.dump(spec)) < file.FILE_BYTES
