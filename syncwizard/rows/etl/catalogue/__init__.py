"""The functions that give values, by subject; `functions` has all of them by name."""

from functools import cache

from syncwizard.rows.etl.catalogue import documents, moments, operators, patterns, texts, vectors
from syncwizard.rows.etl.catalogue.function import Function

SUBJECTS: tuple[tuple[str, tuple[Function, ...]], ...] = (
    ("Comparison, logic, NULL", operators.CONDITIONS),
    ("Arithmetic", operators.ARITHMETIC),
    ("Texts", texts.TEXTS),
    ("Dates and times", moments.MOMENTS),
    ("Regular expressions", patterns.PATTERNS),
    ("JSON", documents.DOCUMENTS),
    ("Casts", operators.CASTS),
    ("Hashes and encodings", texts.ENCODINGS),
    ("Vectors", vectors.VECTORS),
)


@cache
def functions() -> dict[str, Function]:
    """By name, other names included."""
    found: dict[str, Function] = {}
    for _, members in SUBJECTS:
        for function in members:
            for name in (function.name, *function.aliases):
                found[name] = function
    return found
