"""Memory and workers of index builds: never below the server's own, never more than it seems to afford."""

import msgspec
import pytest

from syncwizard.postgres.destination.indexes import MIB, ServerResources, choose_settings
from syncwizard.structure.vector_index import memory_of, read_vector_index

GIB = 1024 * MIB


def server(**changed: int) -> ServerResources:
    settings = {
        "shared_buffers": 128 * MIB,
        "effective_cache_size": 4 * GIB,
        "maintenance_work_mem": 64 * MIB,
        "max_parallel_workers": 8,
        "max_parallel_maintenance_workers": 2,
    }
    return msgspec.convert({**settings, **changed}, ServerResources)


@pytest.mark.parametrize(
    ("changed", "needed", "expected"),
    [
        ({}, 10 * MIB, 64 * MIB),
        ({}, 300 * MIB, 300 * MIB),
        ({}, 5 * GIB, 1 * GIB),
        ({"effective_cache_size": 96 * GIB, "shared_buffers": 32 * GIB}, 50 * GIB, 2 * GIB),
        ({"effective_cache_size": 512 * MIB}, 5 * GIB, 128 * MIB),
        ({"maintenance_work_mem": 8 * GIB}, 1 * GIB, 8 * GIB),
    ],
)
def test_memory_follows_need_between_the_servers_floor_and_what_it_affords(
    changed: dict[str, int], needed: int, expected: int
) -> None:
    assert choose_settings(server(**changed), needed, vector=True).maintenance_work_mem == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 2),
        ({"max_parallel_maintenance_workers": 0}, 2),
        ({"max_parallel_maintenance_workers": 16}, 4),
        ({"max_parallel_workers": 2}, 1),
        ({"max_parallel_workers": 0}, 0),
    ],
)
def test_workers_leave_one_for_others(changed: dict[str, int], expected: int) -> None:
    assert choose_settings(server(**changed), GIB, vector=True).workers == expected


def test_ordinary_indexes_keep_the_servers_workers() -> None:
    settings = choose_settings(server(max_parallel_maintenance_workers=0), GIB, vector=False)
    assert (settings.workers, settings.vector) == (0, False)


def test_an_expression_tells_type_and_dimensions() -> None:
    index = read_vector_index(
        "CREATE INDEX i ON s.t USING hnsw (((binary_quantize(v))::bit(1024)) public.bit_hamming_ops) WITH (m='32')"
    )
    assert (index.column, index.type_name, index.dimensions, index.m) == ("", "bit", 1024, 32)
    assert memory_of(index, 1_000_000, "bit", 1024) < memory_of(index, 1_000_000, "vector", 1024)
