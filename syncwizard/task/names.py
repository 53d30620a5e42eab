"""Names of things in a database, unquoted as data, and the one way to quote them in SQL text."""

import msgspec


class TableName(msgspec.Struct, frozen=True, order=True):
    """Schema and name, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class ObjectName(msgspec.Struct, frozen=True, order=True):
    """Schema and name of anything that is named within its schema, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class FunctionName(msgspec.Struct, frozen=True, order=True):
    """A function with the types of its input arguments as `schema.type`, `[]` behind for an array."""

    schema: str
    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}({', '.join(self.arguments)})"


def quote(name: str) -> str:
    """The name as an identifier.

    >>> print(quote('a "b"'))
    "a ""b\"""
    """
    return '"' + name.replace('"', '""') + '"'
