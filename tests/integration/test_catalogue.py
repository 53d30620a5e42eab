"""Listing a real source through the real probe: what is there, what is said of it, and what is not listed."""

import threading
import time
from collections.abc import Callable

import msgspec
import pytest

from syncwizard.client import probes
from syncwizard.errors import Cancelled, EndpointError
from syncwizard.postgres.destination.layout import ensure_layout
from syncwizard.task.drafting.catalogue import (
    Catalogue,
    CatalogueNews,
    CatalogueObject,
    CatalogueProgress,
    ObjectKey,
    ObjectKind,
    RelationName,
    assemble,
)
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint, TaskSpec
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

SQL = """
CREATE EXTENSION vector;
CREATE SCHEMA kb;
CREATE SCHEMA empty;
CREATE TABLE kb.documents (id serial PRIMARY KEY, title text);
CREATE TABLE kb.passages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text,
    embedding vector(384), code halfvec(8), loose vector);
CREATE TABLE kb.log (at timestamptz);
CREATE TABLE kb.nullable (id int UNIQUE);
CREATE TABLE kb.partial (id int NOT NULL);
CREATE UNIQUE INDEX ON kb.partial (id) WHERE id > 0;
CREATE TABLE kb.late (id int NOT NULL UNIQUE DEFERRABLE);
CREATE TABLE kb.unique_key (a int NOT NULL, b int NOT NULL, c int);
CREATE UNIQUE INDEX ON kb.unique_key (a, b) INCLUDE (c);
CREATE INDEX nearest ON kb.passages USING hnsw (embedding vector_cosine_ops);
CREATE INDEX lowered ON kb.documents (lower(title), id);
CREATE UNLOGGED TABLE kb.cache (k text PRIMARY KEY);
CREATE TABLE kb.orders (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE kb.orders_1 PARTITION OF kb.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE empty.orders_2 PARTITION OF kb.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE kb.child () INHERITS (kb.log);
CREATE VIEW kb.recent AS SELECT * FROM kb.documents;
CREATE VIEW kb.titles AS SELECT title FROM kb.recent;
CREATE MATERIALIZED VIEW kb.counted AS SELECT count(*) FROM kb.passages;
CREATE FUNCTION kb.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION kb.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE FUNCTION kb.twice(text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $1';
CREATE FUNCTION kb.how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM kb.log; END;
CREATE TRIGGER touched BEFORE UPDATE ON kb.documents FOR EACH ROW EXECUTE FUNCTION kb.touch();
CREATE RULE quiet AS ON DELETE TO kb.log DO INSTEAD NOTHING;
CREATE TYPE kb.mood AS ENUM ('good');
CREATE TYPE kb.point AS (x int, y int);
CREATE DOMAIN kb.positive AS int CHECK (value > 0);
CREATE TABLE public.dts_postgres_heartbeat (id int);
INSERT INTO kb.documents (title) SELECT repeat('x', 100) FROM generate_series(1, 2000);
ANALYZE kb.documents;
"""


def task_over(source: Endpoint) -> TaskSpec:
    return TaskSpec(name="kb", source=source, destination=Endpoint(), objects=[])


def news_of(endpoint: Endpoint) -> list[CatalogueNews]:
    news: list[CatalogueNews] = []
    probes.catalogue(task_over(endpoint), Handover()).run(news.append)
    return news


@pytest.fixture
def listed(pair: DatabasePair) -> Catalogue:
    pair.source.execute(SQL)
    ensure_layout(pair.source)
    return assemble(news_of(pair.source_endpoint))


Get = Callable[..., CatalogueObject]


@pytest.fixture
def get(listed: Catalogue) -> Get:
    def find(name: str, kind: ObjectKind = "table", schema: str = "kb") -> CatalogueObject:
        return listed.by_key[ObjectKey(schema, kind, name)]

    return find


def test_every_object_of_the_users_own_is_listed_and_nothing_else(listed: Catalogue) -> None:
    """System schemas, extensions' objects and ours are not to be chosen; an empty schema is."""
    assert listed.schemas == ("empty", "kb", "public")
    found = {kind: [each.name for each in those] for kind, those in listed.by_kind["kb"].items()}
    assert found == {
        "table": [
            *("cache", "child", "documents", "late", "log", "nullable", "orders", "orders_1", "partial", "passages"),
            "unique_key",
        ],
        "view": ["recent", "titles"],
        "materialized view": ["counted"],
        "function": ["how_many", "touch", "twice"],
        "type": ["mood", "point", "positive"],
        "sequence": ["documents_id_seq", "passages_id_seq"],
    }
    assert listed.by_kind["public"] == {}
    owners = {kind: {each.owner for each in those} for kind, those in listed.by_kind["kb"].items()}
    assert owners["table"] == {"postgres"} and owners["view"] == {""}


def test_columns_come_with_types_and_the_key_that_rows_are_found_by(listed: Catalogue) -> None:
    """The key is that of tasks: neither one over columns that may be NULL, nor a partial or deferrable one."""
    columns = {table.name: {each.name: each.type for each in those} for table, those in listed.columns_of.items()}
    assert columns["passages"] == {
        "id": "bigint",
        "body": "text",
        "embedding": "public.vector(384)",
        "code": "public.halfvec(8)",
        "loose": "public.vector",
    }
    keys = {table.name: [each.name for each in those if each.of_key] for table, those in listed.columns_of.items()}
    assert {name: keys[name] for name in ("orders", "unique_key", "nullable", "partial", "late", "log")} == {
        "orders": ["id", "at"],
        "unique_key": ["a", "b"],
        "nullable": [],
        "partial": [],
        "late": [],
        "log": [],
    }


def test_indexes_come_with_method_and_columns_the_primary_key_first(listed: Catalogue) -> None:
    indexes = {
        table.name: [tuple(msgspec.to_builtins(each)) for each in those] for table, those in listed.indexes_of.items()
    }
    assert indexes["passages"] == [
        ("passages_pkey", "btree", "id", True),
        ("nearest", "hnsw", "embedding", False),
    ]
    assert indexes["documents"] == [
        ("documents_pkey", "btree", "id", True),
        ("lowered", "btree", "expression, id", False),
    ]
    # What an index includes is none of its columns.
    assert [each.columns for each in listed.indexes_of[RelationName("kb", "unique_key")]] == ["a, b"]


def test_vectors_are_named_with_their_dimensions(get: Get) -> None:
    assert get("passages").vectors == ("embedding vector(384)", "code halfvec(8)", "loose vector")
    assert get("documents").vectors == ()


def test_a_table_without_a_usable_key_is_marked(listed: Catalogue) -> None:
    keyless = {each.name for each in listed.objects if each.keyless}
    assert keyless == {"child", "late", "log", "nullable", "partial"}


def test_partitions_and_sequences_name_their_table(get: Get) -> None:
    parent = RelationName("kb", "orders")
    assert get("orders").partitioned
    assert [get("orders_1").parent, get("orders_2", schema="empty").parent] == [parent, parent]
    assert get("child").parent is None
    assert get("documents_id_seq", "sequence").parent == RelationName("kb", "documents")


def test_rows_are_estimated_where_the_server_can_and_bytes_measured(get: Get) -> None:
    assert (get("documents").rows, get("log").rows) == (2000, None)
    assert get("documents").bytes > 200_000
    assert get("recent", "view").bytes == 0
    assert get("cache").obstacle == "unlogged"


def test_what_uses_a_table_is_reported_through_views_triggers_rules_and_parsed_functions(listed: Catalogue) -> None:
    uses = {(use.kind, use.name, use.needs.name) for use in listed.uses}
    assert uses == {
        ("view", "recent", "documents"),
        ("view", "titles", "recent"),
        ("materialized view", "counted", "passages"),
        ("function", "touch", "documents"),
        ("function", "how_many", "log"),
        ("trigger", "touched", "documents"),
        ("rule", "quiet", "log"),
    }


def test_a_table_that_another_session_holds_exclusively_is_listed_without_waiting(pair: DatabasePair) -> None:
    pair.source.execute("CREATE TABLE held (id int PRIMARY KEY); INSERT INTO held SELECT generate_series(1, 5000)")
    pair.source.execute("VACUUM ANALYZE held")
    with pair.source_cluster.connect(pair.database) as holder, holder.transaction():
        holder.execute("LOCK held IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        found = assemble(news_of(pair.source_endpoint)).by_key["public", "table", "held"]  # type: ignore[index]
        assert time.monotonic() - began < 9
    assert found.bytes > 100_000


def test_progress_says_what_is_done(pair: DatabasePair) -> None:
    steps = [each.step for each in news_of(pair.source_endpoint) if isinstance(each, CatalogueProgress)]
    assert steps == ["login", "objects", "objects", "uses"]


def test_a_source_that_cannot_be_used_is_an_error_with_the_remedy(pair: DatabasePair) -> None:
    with pytest.raises(EndpointError, match='database "nowhere" does not exist') as caught:
        news_of(msgspec.structs.replace(pair.source_endpoint, database="nowhere"))
    assert caught.value.remedy


def sessions(server: Session) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'syncwizard catalogue'"
    row = server.execute(query).fetchone()
    return int(row[0]) if row else 0


def test_a_listing_that_waits_is_cancelled_and_leaves_no_query_at_the_server(pair: DatabasePair) -> None:
    """The catalogue itself is locked: the query waits, its client goes, and the server notices."""
    probe = probes.catalogue(task_over(pair.source_endpoint), Handover())
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(Cancelled):
            probe.run(lambda news: None)
        ended.set()

    with pair.source_cluster.connect(pair.database) as holder, holder.transaction():
        holder.execute("LOCK pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE")
        threading.Thread(target=run, daemon=True).start()
        until(lambda: sessions(pair.source) == 1, what="the listing waits")
        probe.cancel()
        assert ended.wait(5)
        until(lambda: sessions(pair.source) == 0, what="its session is gone, though the lock is not")
