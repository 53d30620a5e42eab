"""Which indexes take no time over a small table."""

from syncwizard.structure.planned import PlannedStatement


def is_quick(statement: PlannedStatement) -> bool:
    """Whether a small table's index is built at once: a B-tree of nothing but columns. Functions in an index may take
    as long as they like for each row.

    >>> import msgspec
    >>> text = "CREATE INDEX i ON public.t USING btree (a, b DESC)"
    >>> ordinary = PlannedStatement(
    ...     position=1, phase="indexes", kind="index", name="i", concurrent=True, method="btree", text=text
    ... )
    >>> computed = msgspec.structs.replace(ordinary, text="CREATE INDEX i ON public.t USING btree (lower(a))")
    >>> is_quick(ordinary), is_quick(computed)
    (True, False)
    """
    text = statement.text
    return statement.concurrent and statement.method == "btree" and text.count("(") == 1 and " WHERE " not in text
