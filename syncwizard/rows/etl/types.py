"""What the values of a script are: enough to check arguments, and to know what PostgreSQL makes of an expression."""

from typing import Literal, NamedTuple

Family = Literal[
    "integer",
    "decimal",
    "float",
    "text",
    "boolean",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "json",
    "bytes",
    "uuid",
    "vector",
    "halfvec",
    "array",
    "other",
    "salt",
    "null",
]
# What an argument may be.
Kind = Literal["any", "number", "integer", "text", "boolean", "moment", "json", "vector", "vectors", "array", "salt"]


class Type(NamedTuple):
    """A type of PostgreSQL, by the name that casts to it (qualified unless it is of pg_catalog)."""

    name: str
    family: Family


INTEGER = Type("bigint", "integer")
NUMERIC = Type("numeric", "decimal")
FLOAT = Type("double precision", "float")
TEXT = Type("text", "text")
BOOLEAN = Type("boolean", "boolean")
DATE = Type("date", "date")
TIMESTAMP = Type("timestamp without time zone", "timestamp")
TIMESTAMPTZ = Type("timestamp with time zone", "timestamptz")
INTERVAL = Type("interval", "interval")
JSON = Type("jsonb", "json")
BYTES = Type("bytea", "bytes")
UUID = Type("uuid", "uuid")
TEXT_ARRAY = Type("text[]", "array")
# A secret: it goes into hashes and nowhere else.
SALT = Type("text", "salt")
NULL = Type("text", "null")

_FAMILIES: dict[str, Family] = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "decimal",
    "money": "other",
    "real": "float",
    "double precision": "float",
    "text": "text",
    "character varying": "text",
    "bpchar": "text",
    "character": "text",
    "name": "text",
    "boolean": "boolean",
    "date": "date",
    "time without time zone": "time",
    "time with time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
    "json": "json",
    "jsonb": "json",
    "bytea": "bytes",
    "uuid": "uuid",
}
_EXTENSION_FAMILIES: dict[str, Family] = {"citext": "text", "vector": "vector", "halfvec": "halfvec"}

_NUMBERS = frozenset(("integer", "decimal", "float"))
_MOMENTS = frozenset(("date", "timestamp", "timestamptz"))
_ACCEPTED: dict[Kind, frozenset[str]] = {
    "number": _NUMBERS,
    "integer": frozenset(("integer",)),
    "text": frozenset(("text",)),
    "boolean": frozenset(("boolean",)),
    "moment": _MOMENTS,
    "json": frozenset(("json",)),
    "vector": frozenset(("vector",)),
    "vectors": frozenset(("vector", "halfvec")),
    "array": frozenset(("array",)),
    "salt": frozenset(("salt",)),
}
KIND_WORDS: dict[Kind, str] = {
    "any": "any value",
    "number": "a number",
    "integer": "an integer",
    "text": "a text",
    "boolean": "a condition",
    "moment": "a date or timestamp",
    "json": "a JSON value",
    "vector": "a vector",
    "vectors": "a vector or halfvec",
    "array": "an array",
    "salt": 'secret("env:NAME")',
}


def type_of(name: str) -> Type:
    """The type of a column, by the name that format_type prints without modifiers under an empty search path.

    >>> type_of("integer").family, type_of("public.vector").family, type_of("public.status").family
    ('integer', 'vector', 'other')
    >>> type_of("integer[]").family
    'array'
    """
    if name.endswith("[]"):
        return Type(name, "array")
    if name in _FAMILIES:
        return Type(name, _FAMILIES[name])
    return Type(name, _EXTENSION_FAMILIES.get(name.rpartition(".")[2], "other"))


def accepts(kind: Kind, given: Type) -> bool:
    """Whether an argument of this kind takes a value of the type; NULL goes everywhere."""
    if given.family == "salt" or kind == "salt":
        return given.family == kind
    return kind == "any" or given.family == "null" or given.family in _ACCEPTED[kind]


def comparable(one: Type, other: Type) -> bool:
    """Whether the values can be compared with each other.

    >>> comparable(INTEGER, FLOAT), comparable(DATE, TIMESTAMPTZ), comparable(TEXT, INTEGER)
    (True, True, False)
    """
    families = {one.family, other.family} - {"null"}
    if len(families) < 2:
        # Types of the user's own are compared by their own operators, with themselves alone.
        return one.family not in ("other", "array") or one.name == other.name or "null" in (one.family, other.family)
    return families <= _NUMBERS or families <= _MOMENTS


def common(one: Type, other: Type) -> Type | None:
    """The type that holds values of both, None where there is none.

    >>> common(INTEGER, NUMERIC).name, common(NULL, BOOLEAN).name, common(TEXT, BOOLEAN)
    ('numeric', 'boolean', None)
    """
    if one.family == "null" or one == other:
        return other
    if other.family == "null":
        return one
    if one.family == other.family:
        return {"integer": INTEGER, "decimal": NUMERIC, "float": FLOAT, "text": TEXT, "json": JSON}.get(one.family)
    families = {one.family, other.family}
    if families <= _NUMBERS:
        return FLOAT if "float" in families else NUMERIC
    if families <= _MOMENTS:
        return TIMESTAMPTZ if "timestamptz" in families else TIMESTAMP
    return None


def fits(given: Type, column: Type) -> bool:
    """Whether a column takes the value, by PostgreSQL's rules of assignment; texts go into enumerations and the like.

    >>> fits(INTEGER, type_of("numeric")), fits(TEXT, type_of("integer")), fits(TEXT, type_of("public.status"))
    (True, False, True)
    """
    if given.family == "null" or given.name == column.name or column.family == "text":
        return True
    if column.family == "array" or given.family == "array":
        return False
    if given.family == column.family and given.family != "other":
        return True
    families = {given.family, column.family}
    if families <= _NUMBERS or families <= _MOMENTS or families == {"vector", "halfvec"}:
        return True
    return given.family == "text" and column.family == "other"
