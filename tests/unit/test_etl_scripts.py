"""Scripts of the transformation language: what is read, what is refused with its place, and how a text grows."""

import pytest

from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.steps import Program, compile_scripts
from syncwizard.rows.etl.tree import Place, ScriptError
from syncwizard.rows.etl.types import type_of

COLUMNS = {
    "id": "integer",
    "price": "numeric",
    "phone": "character varying",
    "tier": "text",
    "state": "public.state",
    "at": "timestamp with time zone",
    "embedding": "public.vector",
}
CONSTANTS = {"__DB__": "shop", "__SCHEMA__": "sales", "__TB__": "orders"}


def compiled(script: str, **constants: str) -> Program:
    columns = {name: type_of(kind) for name, kind in COLUMNS.items()}
    return compile_scripts([parse(script)], columns, ["id"], CONSTANTS | constants, "sales.orders")


def problem(script: str) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        compiled(script)
    return caught.value


def test_the_guides_shape_is_read() -> None:
    program = compiled('script:e_compose(e_if(op_gt(`price`, 100), e_set(`tier`, "gold")), e_drop_columns(`phone`))')
    assert list(program.outputs) == ["id", "price", "tier", "state", "at", "embedding"]
    assert program.outputs["tier"].reads == {"price", "tier"}
    assert program.kept is True


@pytest.mark.parametrize(
    ("script", "place", "message", "remedy"),
    [
        ("e_set(`a`, 1", (1, 13), "the script ends where ) or , is expected", ""),
        ("e_set(`a, 1)", (1, 7), "'`' is not expected here", "a column's name ends with a backtick, too"),
        ("5", (1, 1), "5 stands where a function is expected", ""),
        ("e_sett(`a`, 1)", (1, 1), "there is no step e_sett", "did you mean `e_set`?"),
        ("op_gt(`price`, 1)", (1, 1), "op_gt is no step", ""),
        ("e_set(\n`a`, str_maskk(`phone`))", (2, 6), "there is no function str_maskk", "did you mean `str_mask`?"),
        ("e_set(`a`, `prise`)", (1, 12), "column prise is not in sales.orders", "did you mean `price`?"),
        ("e_set(`a`, __TABLE__)", (1, 12), "there is no variable __TABLE__", ""),
        (
            "e_set(`a`, str_mask(`phone`))",
            (1, 12),
            "str_mask takes 4 arguments, and 1 are given",
            "str_mask(text, start, end, mask)",
        ),
        (
            "e_set(`price`, op_add(`tier`, 1))",
            (1, 23),
            "argument 1 of op_add is text, and a number is needed",
            "cast it with ct_numeric(…)",
        ),
        ("e_drop(`price`)", (1, 8), "numeric is no condition", "write op_eq(…), op_gt(…) or the like"),
        (
            'e_drop(op_gt(`at`, "now"))',
            (1, 20),
            '"now" is another time at every evaluation',
            "write dt_now() or dt_today()",
        ),
        ('e_drop(op_gt(`price`, "5"))', (1, 23), 'the text "5" does not go together with numeric', ""),
        ("e_drop(op_eq(`tier`, `price`))", (1, 22), "numeric does not go together with text", ""),
        (
            "e_set(`id`, 1)",
            (1, 7),
            "column id is part of the key of sales.orders and cannot be given another value",
            "",
        ),
        ("e_drop_columns(`id`)", (1, 16), "column id is part of the key of sales.orders and cannot be left out", ""),
        ("e_keep_columns(`price`)", (1, 1), "column id is part of the key of sales.orders and cannot be left out", ""),
        ("e_if(op_gt(`price`, 1), e_drop_columns(`phone`))", (1, 25), "e_drop_columns is for all rows of a table", ""),
        ("e_rename(`phone`, `tier`)", (1, 19), "there is a column tier already", ""),
        ('e_set(`a`, secret("env:SALT"))', (1, 12), "a secret is a salt for md5 and sha256 alone", ""),
        (
            'e_set(`a`, md5(`phone`, secret("hunter2")))',
            (1, 32),
            "secret: a secret is kept in an environment variable",
            "",
        ),
        ('e_set(`a`, dt_truncate(`at`, "eon"))', (1, 30), 'dt_truncate: "eon" is no unit', ""),
        ('e_set(`a`, str_format("{} {}", 1))', (1, 23), "str_format: the format has 2 places {} for 1 values", ""),
        ("e_if(op_gt(`price`, 1))", (1, 1), "e_if takes conditions and steps in pairs", ""),
        (
            "e_if(op_gt(`price`, 1), e_set(`tier`, 5))",
            (1, 39),
            "the constant 5 for some rows, and text for the others",
            "",
        ),
        ('e_set(`a`, "x\x01")', (1, 14), "a control character '\\x01'", ""),
    ],
)
def test_a_mistake_is_named_with_its_place(script: str, place: tuple[int, int], message: str, remedy: str) -> None:
    found = problem(script)
    assert found.place == Place(*place)
    assert found.message.startswith(message)
    assert found.remedy.startswith(remedy)


def test_what_is_for_another_table_is_not_looked_at() -> None:
    script = 'e_if(op_and(op_eq(__TB__, "items"), op_gt(`weight`, 1)), e_set(`size`, `height`))'
    assert list(compiled(script).outputs) == list(COLUMNS)
    assert problem(script.replace("items", "orders")).message == "column weight is not in sales.orders"


def test_a_kind_of_change_is_dropped_by_its_name() -> None:
    script = "e_if(op_eq(__OPERATION__, __OP_DELETE__), e_drop())"
    assert compiled(script, __OPERATION__="DELETE").kept is False
    assert compiled(script, __OPERATION__="UPDATE").kept is True
    assert compiled(script).decides == {"__OPERATION__"}


def test_texts_grow_with_the_script_and_no_faster() -> None:
    steps = ", ".join("e_set(`tier`, str_concat(`tier`, `tier`))" for _ in range(60))
    program = compiled(f"e_compose({steps})")
    assert sum(len(sql) for level in program.levels for _, sql in level.adds) < 60 * 200
    # And the planner does not put all of them into one.
    assert any(level.apart for level in program.levels)
    nested = "`tier`"
    for _ in range(12):
        nested = f'str_lpad({nested}, 3, "0")'
    assert len(compiled(f"e_set(`tier`, {nested})").levels[0].adds[0][1]) < 12 * 200


def test_what_would_take_long_to_plan_or_to_read_is_refused_at_once() -> None:
    chain = [f'e_set(`tier`, str_concat(`tier`, "{number}"))' for number in range(101)]
    assert len(compiled(f"e_compose({', '.join(chain[:100])})").levels) == 100
    found = problem(f"e_compose({', '.join(chain)})")
    assert found.message.startswith("more than 100 steps build on one another here")
    assert found.place.column > 1000
    drops = ", ".join(f"e_drop(op_eq(`price`, {number}))" for number in range(101))
    assert "100 steps" in problem(f"e_compose({drops})").message
    # What does not build on one another is as many as one likes.
    wide = ", ".join(f"e_set(`n{number}`, op_add(`price`, {number}))" for number in range(1000))
    assert len(compiled(f"e_compose({wide})").levels) == 1
    assert "at most 100,000 characters" in problem(f'e_set(`tier`, "{"x" * 1_000_000}")').message


def test_a_constant_takes_the_type_of_its_column() -> None:
    program = compiled('e_compose(e_set(`state`, "new"), e_set(`at`, "2026-11-29"))')
    assert program.outputs["state"].type.name == "public.state"
    assert program.outputs["at"].type.name == "timestamp with time zone"


def test_texts_are_literals_and_never_sql() -> None:
    program = compiled('e_set(`tier`, "\'); DROP TABLE x; --\\\\")')
    assert program.levels[0].adds == [("x1", "E'''); DROP TABLE x; --\\\\'::text")]
