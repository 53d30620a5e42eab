"""A layered mapping is like a dictionary, and a changed copy of it shares almost all of it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.task import layered
from syncwizard.task.layered import Layered, changed, plain, without

keys = st.sampled_from([f"table {number}" for number in range(12)])
steps = st.lists(st.tuples(keys, st.integers(0, 9), st.booleans()), max_size=60)


@given(steps)
def test_it_is_like_a_dictionary_in_every_version(steps: list[tuple[str, int, bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layered, "PLAIN_ITEMS", 3)
        model: dict[str, int] = {}
        items = changed({}, "first", 0)
        model = {"first": 0}
        versions = [(items, model)]
        for key, value, stays in steps:
            items = changed(items, key, value) if stays else without(items, key)
            model = {**model, key: value} if stays else {name: one for name, one in model.items() if name != key}
            versions.append((items, model))
    for items, model in versions:
        assert items == model
        assert model == items
        assert list(items) == list(model)
        assert list(items.items()) == list(model.items())
        assert list(items.values()) == list(model.values())
        assert len(items) == len(model)
        assert all(items[key] == model[key] and key in items for key in model)
        assert items.get("nothing") is None
        assert msgspec.json.encode(items, enc_hook=plain) == msgspec.json.encode(model)


def test_changed_copies_share_what_did_not_change() -> None:
    number = 20_000
    items = changed({}, "table 0", 0)
    joined = 0
    for round_ in range(2):
        for table in range(number):
            before, items = items, changed(items, f"table {table}", round_)
            if isinstance(before, Layered) and isinstance(items, Layered):
                joined += items._base is not before._base
                assert len(items._top) ** 2 <= number
    assert len(items) == number
    # A whole copy for each change would be 40,000 of them.
    assert joined < 1_000
