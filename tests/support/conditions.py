"""Conditions as task files have them, of comparisons that are decided behind the decoder and of others, for tests that
draw them."""

from hypothesis import strategies as st

# A column and literals that it may be compared with, some of them in forms that only the server reads.
LITERALS = {
    "id": ["1", "5", "-9223372036854775808", "9223372036854775807", "2.5", "'5'", "1e0", "NULL"],
    "small": ["1", "-1", "32767", "40000", "0.5", "'7'"],
    "n": ["0", "10", "-2147483648", "100.0", "' 5 '", "NULL"],
    "amount": ["1", "-1.5", "0.0001", "12345678901234567890.0987654321", "1e8", "'NaN'", "'10000'"],
    "flag": ["true", "false", "'t'", "NULL"],
    "day": ["'2026-01-01'", "'infinity'", "'Jan 1, 2026'", "'0001-01-01'", "'2026-02-28'"],
    "at": ["'2026-01-01'", "'2026-01-01 10:00'", "'2026-02-28T00:00:00'", "'1999-12-31 23:59:59.999999'", "'infinity'"],
    "zoned": ["'2026-01-01 10:00'", "'2026-01-01 10:00+00'", "'2026-02-28 23:59:59.5'", "'2026-01-01 12:00+02'"],
    "u": ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'"],
    "state": ["'new'", "'paid'", "'o''dd'"],
    "word": ["'a'", "''", "'it''s'", "'A'", "'ä'", "NULL"],
    "code": ["'x'", "'ä'", "'a '", "'a'"],
    "fixed": ["'ab'", "'ab   '", "'x'"],
    "ratio": ["1.5", "0", "'NaN'"],
}
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "!="]


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    column = draw(st.sampled_from(sorted(LITERALS)))
    literal = st.sampled_from(LITERALS[column])
    match draw(st.integers(0, 6)):
        case 0:
            return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
        case 1:
            values = ", ".join(draw(st.lists(literal, min_size=1, max_size=3)))
            return f"{column} {draw(st.sampled_from(['', 'NOT ']))}IN ({values})"
        case 2:
            return f"{column} {draw(st.sampled_from(['', 'NOT ']))}BETWEEN {draw(literal)} AND {draw(literal)}"
        case 3:
            return f"{draw(literal)} {draw(st.sampled_from(OPERATORS))} {column}"
        case 4:
            return draw(st.sampled_from(["flag", "NOT flag", "id % 2 = 1", "lower(word) = 'a'", "n + 0 > 5", "NULL"]))
        case _:
            return f"{column} {draw(st.sampled_from(OPERATORS))} {draw(literal)}"


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda parts: f"({' '.join(parts)})")
    return pairs | inner.map(lambda each: f"NOT ({each})")


CONDITIONS = st.recursive(comparisons(), joined, max_leaves=6)
