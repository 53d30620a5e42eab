"""pg_dump against a server that asks for a password: the secret is where only libpq looks, and gone afterwards."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from syncwizard.errors import Cancelled, EndpointError, TaskFailed
from syncwizard.postgres.dump import DumpRequest, choose_program, dump_definitions, find_programs, remove_secrets
from syncwizard.task.names import TableName
from syncwizard.task.specification import Endpoint
from tests.support.pair import DatabasePair

PASSWORD = "p:a\\ss 'wörd"
REQUEST = DumpRequest(schemas=["public"], without=[], snapshot=None)


@pytest.fixture
def guarded(pair: DatabasePair) -> Iterator[Endpoint]:
    """The source, as a role that must give its password."""
    role = f"guarded_{pair.database}"
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    pair.source.execute(
        sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
    )
    rules = pair.source_cluster.data / "pg_hba.conf"
    former = rules.read_text()
    rules.write_text(f"local all {role} scram-sha-256\n{former}")
    pair.source.execute("SELECT pg_reload_conf()")
    yield pair.source_cluster.endpoint(pair.database, user=role)
    rules.write_text(former)
    pair.source.execute("SELECT pg_reload_conf()")
    pair.source.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def dump(endpoint: Endpoint, folder: Path, password: str | None) -> str:
    program = choose_program(find_programs(), 16, 18)
    assert program is not None
    return dump_definitions(
        program, endpoint, REQUEST, password=password, key_password=None, folder=folder, check=lambda: None
    )


def test_our_password_is_used_and_leaves_no_file(guarded: Endpoint, tmp_path: Path) -> None:
    assert "CREATE TABLE public.t" in dump(guarded, tmp_path, PASSWORD)
    assert list(tmp_path.iterdir()) == []


def test_our_password_comes_before_a_variable_of_the_user(
    guarded: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert "CREATE TABLE public.t" in dump(guarded, tmp_path, PASSWORD)


def test_without_ours_the_users_own_passfile_serves(
    guarded: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.pass"
    own.write_text("*:*:*:*:" + PASSWORD.replace("\\", "\\\\").replace(":", "\\:") + "\n")
    own.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(own))
    assert "CREATE TABLE public.t" in dump(guarded, tmp_path, None)
    assert own.exists()


def test_the_secret_is_in_no_argument_and_no_variable_while_it_runs(
    guarded: Endpoint, tmp_path: Path, pair: DatabasePair
) -> None:
    seen: list[bytes] = []
    modes: list[int] = []

    def look() -> None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and b"pg_dump" in read(process / "cmdline"):
                seen.append(read(process / "cmdline") + read(process / "environ"))
        modes.extend(stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("*.pass"))
        locker.rollback()

    program = choose_program(find_programs(), 16, 18)
    assert program is not None
    # The dump waits for the lock, until it has been looked at.
    with pair.source_cluster.connect(pair.database, autocommit=False) as locker:
        locker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        dump_definitions(program, guarded, REQUEST, password=PASSWORD, key_password="k3y", folder=tmp_path, check=look)
    assert seen
    assert not any(PASSWORD.encode() in text or b"k3y" in text for text in seen)
    assert set(modes) == {0o600}


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_wrong_password_says_which_end(guarded: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(EndpointError) as failure:
        dump(guarded, tmp_path, "wrong")
    assert failure.value.end == "source"
    assert not failure.value.transient


def test_a_refusal_carries_the_programs_words(pair: DatabasePair, tmp_path: Path) -> None:
    program = find_programs()[-1]
    request = DumpRequest(schemas=["public"], without=[], snapshot="00000000-00000000-0")
    with pytest.raises(TaskFailed, match="pg_dump failed") as failure:
        dump_definitions(
            program,
            pair.source_endpoint,
            request,
            password=None,
            key_password=None,
            folder=tmp_path,
            check=lambda: None,
        )
    assert "snapshot" in failure.value.detail


def test_a_pause_ends_the_program(pair: DatabasePair, tmp_path: Path) -> None:
    def cancel() -> None:
        raise Cancelled

    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with pair.source_cluster.connect(pair.database, autocommit=False) as locker:
        locker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Cancelled):
            dump_definitions(
                find_programs()[-1],
                pair.source_endpoint,
                REQUEST,
                password="secret",
                key_password=None,
                folder=tmp_path,
                check=cancel,
            )
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    for name in ("pg_dump.pass", "pg_dump.service"):
        (tmp_path / name).write_text("secret")
    remove_secrets(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_relations_that_are_not_wanted_are_not_locked(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute('CREATE TABLE t (id int); CREATE TABLE "a|b" (id int); CREATE TABLE "q""q" (id int);')
    without = [TableName("public", "a|b"), TableName("public", 'q"q')]
    with pair.source_cluster.connect(pair.database, autocommit=False) as locker:
        locker.execute('LOCK TABLE "a|b", "q""q" IN ACCESS EXCLUSIVE MODE')
        text = dump_definitions(
            find_programs()[-1],
            pair.source_endpoint,
            DumpRequest(schemas=["public"], without=without, snapshot=None),
            password=None,
            key_password=None,
            folder=tmp_path,
            check=lambda: None,
        )
    assert "CREATE TABLE public.t" in text
    assert "a|b" not in text
