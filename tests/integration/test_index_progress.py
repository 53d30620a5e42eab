"""While an index is built, its phase and progress are sampled from the destination."""

import threading
from pathlib import Path

import msgspec
import pytest

from syncwizard.engine.metrics import Metrics
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Context
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.task.figures.rates import TimeLeft, index_fraction
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.time_left import builds_left
from syncwizard.task.state import TaskState
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.waiting import until


def builds_of(samples: list[Sample]) -> list[tuple[str, str]]:
    return [(build.name, build.phase) for sample in samples for build in sample.index_builds or []]


def prepared(run: TaskRun) -> Context:
    """Everything before the stage `indexes`."""
    context = run.context()
    for stage in (capture, schema, keys, constraints):
        stage.run(context)
    context.held.close()
    return context


def test_a_build_that_waits_for_a_writer_says_so_and_nothing_stays_when_it_is_done(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(
        "CREATE TABLE notes (id int PRIMARY KEY, text text); CREATE INDEX notes_text ON notes USING hash (text)"
    )
    run = TaskRun(pair.spec(), tmp_path)
    context = prepared(run)
    # CREATE INDEX CONCURRENTLY waits for transactions that wrote before it: an hour-long build, as long as we like.
    with pair.destination.transaction():
        pair.destination.execute("INSERT INTO public.notes VALUES (1, 'one')")
        thread = threading.Thread(target=indexes.run, args=(context,))
        thread.start()
        until(lambda: builds_of(run.samples), timeout=30, what="a sample of the build")
    thread.join(30)
    assert not thread.is_alive()
    name, phase = builds_of(run.samples)[0]
    assert name == "public.notes_text"
    assert phase == "waiting for writers before build"
    assert run.samples[-1].index_builds == []


@pytest.mark.slow
def test_the_progress_of_a_scan_is_a_share_of_its_phase(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncwizard.stages.definitions.index_progress.SAMPLE_SECONDS", 0.02)
    pair.source.execute(
        "CREATE TABLE notes (id int PRIMARY KEY, text text); CREATE INDEX notes_text ON notes (md5(text))"
    )
    run = TaskRun(pair.spec(), tmp_path)
    context = prepared(run)
    pair.destination.execute("INSERT INTO public.notes SELECT n, 'note ' || n FROM generate_series(1, 200000) AS n")
    indexes.run(context)
    builds = [build for sample in run.samples for build in sample.index_builds or []]
    fractions = [index_fraction(build) for build in builds]
    assert any(fraction is not None and 0 < fraction <= 1 for fraction in fractions), builds
    assert all(build.table == "public.notes" for build in builds)


@pytest.mark.slow
def test_the_time_that_a_build_takes_is_known_while_it_is_at_work(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncwizard.stages.definitions.index_progress.SAMPLE_SECONDS", 0.05)
    pair.source.execute("""
        CREATE FUNCTION slow(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN PERFORM pg_catalog.pg_sleep(0.01); RETURN left(t, 8); END';
        CREATE TABLE notes (id int PRIMARY KEY, text text);
        ALTER TABLE notes ALTER text SET STORAGE PLAIN;
        CREATE INDEX notes_first ON notes (slow(text));
        CREATE INDEX notes_second ON notes (id, lower(text));
    """)
    run = TaskRun(pair.spec(), tmp_path)
    context = prepared(run)
    pair.destination.execute("INSERT INTO public.notes SELECT n, repeat('x', 2000) FROM generate_series(1, 400) AS n")
    metrics = Metrics(TaskState())
    reported: list[TimeLeft] = []

    def take(sample: Sample) -> None:
        metrics.take(sample)
        left = builds_left(metrics.merged())
        if left is not None:
            reported.append(left)

    context = msgspec.structs.replace(context, sample=take)
    indexes.run(context)
    # 400 rows at 10 ms, of which two seconds pass before a rate is known; and as much for the index that waits.
    assert reported
    assert 0.1 < reported[0].low_seconds < 10
    assert reported[0].high_seconds > reported[0].low_seconds + 3
    assert reported[-1].low_seconds < reported[0].low_seconds


def test_a_build_goes_on_where_the_session_that_watches_is_ended(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(
        "CREATE TABLE notes (id int PRIMARY KEY, text text); CREATE INDEX notes_text ON notes USING hash (text)"
    )
    run = TaskRun(pair.spec(), tmp_path)
    context = prepared(run)
    with pair.destination.transaction():
        pair.destination.execute("INSERT INTO public.notes VALUES (1, 'one')")
        thread = threading.Thread(target=indexes.run, args=(context,))
        thread.start()
        until(lambda: builds_of(run.samples), timeout=30, what="a sample of the build")
        ended = pair.destination.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE '% progress'"
        ).fetchall()
    thread.join(30)
    assert not thread.is_alive()
    assert ended == [(True,)]
    assert pair.destination.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.notes_text'::regclass"
    ).fetchone() == (True,)
