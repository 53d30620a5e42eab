"""The functions that change a row, as the manual shows them; `rows.etl.steps` compiles them."""

import msgspec


class Step(msgspec.Struct, frozen=True):
    """A function that changes a row, for the manual."""

    signature: str
    about: str
    example: str

    @property
    def name(self) -> str:
        """Without its arguments."""
        return self.signature.partition("(")[0]


STEPS: tuple[Step, ...] = (
    Step("e_compose(step, …)", "one step after the other", "e_compose(e_set(`a`, 1), e_drop_columns(`b`))"),
    Step(
        "e_if(condition, step, …)",
        "each step whose condition holds, one pair after the other",
        'e_if(op_gt(`price`, 100), e_set(`tier`, "gold"))',
    ),
    Step(
        "e_if_else(condition, step, step)",
        "one step or the other",
        'e_if_else(op_gt(`price`, 100), e_set(`tier`, "gold"), e_set(`tier`, "basic"))',
    ),
    Step(
        "e_switch(condition, step, …, default=step)",
        "the step of the first condition that holds",
        'e_switch(op_lt(`price`, 10), e_drop(), default=e_set(`tier`, "paid"))',
    ),
    Step("e_set(`column`, value, …)", "gives a column a value; a new one is added", "e_set(`seen`, dt_now())"),
    Step("e_drop([condition])", "leaves the row out", "e_drop(op_is_null(`price`))"),
    Step("e_keep([condition])", "leaves the other rows out", 'e_keep(op_eq(`region`, "eu"))'),
    Step("e_rename(`column`, `new`, …)", "another name at the destination", "e_rename(`note`, `remark`)"),
    Step("e_drop_columns(`column`, …)", "leaves columns out", "e_drop_columns(`note`)"),
    Step("e_keep_columns(`column`, …)", "leaves the other columns out", "e_keep_columns(`id`, `price`)"),
)
