"""Vectors of pgvector; its functions are in the schema of its types."""

from syncwizard.rows.etl.catalogue.function import Argument, Function, Given, Refused, integer
from syncwizard.rows.etl.types import FLOAT, INTEGER, Type

_ANY = Argument("vector", "vectors")


def _schema(given: Given) -> str:
    """With the dot behind it."""
    if given.type.family == "null":
        raise Refused("NULL is no vector", 0)
    schema, dot, _ = given.type.name.rpartition(".")
    return schema + dot


def _norm(given: list[Given]) -> tuple[str, Type]:
    function = "vector_norm" if given[0].type.family == "vector" else "l2_norm"
    return f"{_schema(given[0])}{function}({given[0].sql})", FLOAT


VECTORS: tuple[Function, ...] = (
    Function(
        "vector_dims",
        (_ANY,),
        lambda given: (f"{_schema(given[0])}vector_dims({given[0].sql})::bigint", INTEGER),
        "its dimensions",
        "vector_dims(`embedding`)",
        "3",
    ),
    Function("vector_norm", (_ANY,), _norm, "its Euclidean length", "vector_norm(`embedding`)", "5"),
    Function(
        "vector_normalize",
        (_ANY,),
        lambda given: (f"{_schema(given[0])}l2_normalize({given[0].sql})", given[0].type),
        "with a length of 1",
        "vector_normalize(`embedding`)",
        "[0.6,0.8,0]",
    ),
    Function(
        "vector_to_halfvec",
        (Argument("vector", "vector"),),
        lambda given: (
            f"{given[0].sql}::{_schema(given[0])}halfvec",
            Type(f"{_schema(given[0])}halfvec", "halfvec"),
        ),
        "with half the precision, in half the space",
        "vector_to_halfvec(`embedding`)",
        "[3,4,0]",
    ),
    Function(
        "vector_subvector",
        (_ANY, integer("start"), integer("count")),
        lambda given: (
            f"{_schema(given[0])}subvector({given[0].sql}, {given[1].sql}::integer, {given[2].sql}::integer)",
            given[0].type,
        ),
        "some of its dimensions, from 1",
        "vector_subvector(`embedding`, 1, 2)",
        "[3,4]",
    ),
)
