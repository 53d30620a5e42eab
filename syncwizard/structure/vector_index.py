"""What the definition of a pgvector index says about its size: column or expression, dimensions, parameters."""

import re
from typing import Any

import msgspec

# pgvector's default for HNSW (hnsw.h).
DEFAULT_M = 16
# CVE-2026-3172: from 0.6.0 on a parallel build of HNSW may write beyond its buffer.
SAFE_PARALLEL_HNSW = "0.8.2"
BYTES_A_DIMENSION = {"vector": 4.0, "halfvec": 2.0, "bit": 0.125}


class VectorIndex(msgspec.Struct, frozen=True, kw_only=True):
    """`column` is the indexed column, empty for an expression; `type_name` and `dimensions` are known from a cast."""

    method: str
    column: str = ""
    type_name: str = ""
    dimensions: int = 0
    m: int = DEFAULT_M


def builds_hnsw_in_parallel(*versions: str | None) -> bool:
    """Whether all of these versions of pgvector may: that of the library, and that which the database was given.

    >>> builds_hnsw_in_parallel("0.8.2", "0.8.10"), builds_hnsw_in_parallel("0.8.2", "0.8.1"), builds_hnsw_in_parallel()
    (True, False, True)
    """
    least = _numbers(SAFE_PARALLEL_HNSW)
    return all(_numbers(version) >= least for version in versions if version is not None)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def read_vector_index(text: str) -> VectorIndex:
    """Reads CREATE INDEX.

    >>> read_vector_index("CREATE INDEX i ON s.t USING hnsw (v public.vector_l2_ops) WITH (m='8')")
    VectorIndex(method='hnsw', column='v', type_name='', dimensions=0, m=8)
    >>> read_vector_index("CREATE INDEX i ON s.t USING hnsw (((v)::public.halfvec(1536)) public.halfvec_l2_ops)")
    VectorIndex(method='hnsw', column='', type_name='halfvec', dimensions=1536, m=16)
    """
    import postgast

    tree: Any = postgast.parse(text)
    node = tree.stmts[0].stmt.index_stmt
    element = node.index_params[0].index_elem
    type_name, dimensions = "", 0
    if element.HasField("expr") and element.expr.HasField("type_cast"):
        cast = element.expr.type_cast.type_name
        type_name = cast.names[-1].string.sval
        dimensions = cast.typmods[0].a_const.ival.ival if cast.typmods else 0
    m = DEFAULT_M
    for option in node.options:
        if option.def_elem.defname == "m":
            m = int(_value(option.def_elem.arg))
    return VectorIndex(method=node.access_method, column=element.name, type_name=type_name, dimensions=dimensions, m=m)


def _value(argument: Any) -> str:
    return str(argument.string.sval if argument.HasField("string") else argument.integer.ival)


def memory_of(index: VectorIndex, rows: int, type_name: str, dimensions: int) -> int:
    """Bytes that building the index in memory takes, about.

    HNSW keeps the whole graph: the vector, and for each row neighbours on the lowest layer twice `m` and on those
    above `m` a few times, 16 bytes each, which with their headers comes to 600 bytes at m = 16. IVFFlat sorts
    the rows by list. Both get slow all at once where the memory ends, so the estimate is rounded up by a fifth.

    >>> memory_of(VectorIndex(method="hnsw"), 60_000, "vector", 768) // 2**20
    252
    >>> memory_of(VectorIndex(method="ivfflat"), 60_000, "halfvec", 768) // 2**20
    109
    """
    row = dimensions * BYTES_A_DIMENSION.get(type_name, 4.0)
    row += 88 + 32 * index.m if index.method == "hnsw" else 64
    return int(rows * row * 1.2)
