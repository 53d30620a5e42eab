"""Which rows of a table are in a sample: the same at both ends, by ranges of the key where both ends order it alike."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from syncwizard.postgres.comparing import BUCKETS, Reading
from syncwizard.postgres.key_ranges import read_bounds, within
from syncwizard.postgres.session.connection import Connection
from syncwizard.stages.verification.units import Unit
from syncwizard.task.verification import WHOLE, VerificationOrder

# With fewer ranges a share of them would say little; such a table is small.
LEAST_RANGES = 20


def sampled(unit: Unit, order: VerificationOrder, source: Connection) -> Unit:
    """The unit with the rows of the order's sample alone; `source` is asked for the bounds of ranges.

    Numbers of rows are compared whole where there are no ranges: rows without a key have no place of their own.
    """
    if order.sample >= WHOLE or unit.reason:
        return unit
    drawn = random.Random(f"{order.id} {unit.table}")
    bounds = read_bounds(source, unit.source[0], unit.key_type) if len(unit.source) == 1 else []
    if len(bounds) > LEAST_RANGES:
        chosen = choose(len(bounds) - 1, order.sample, drawn)
        return _with(unit, order.sample, lambda reading: {"part": within(reading, unit.key_type, bounds, chosen)})
    if order.mode == "counts":
        return unit
    share = (drawn.randrange(BUCKETS), max(1, BUCKETS * order.sample // WHOLE))
    return _with(unit, order.sample, lambda reading: {"share": share})


def choose(ranges: int, percent: int, drawn: random.Random) -> list[tuple[int, int]]:
    """So many percent of the ranges, at random, as stretches from the first to behind the last one.

    >>> choose(10, 100, random.Random(1)), choose(10, 40, random.Random(1))
    ([(0, 10)], [(0, 3), (4, 5)])
    """
    numbers = sorted(drawn.sample(range(ranges), max(1, round(ranges * percent / WHOLE))))
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def _with(unit: Unit, percent: int, part: Callable[[Reading], dict[str, Any]]) -> Unit:
    def narrowed(readings: Sequence[Reading]) -> tuple[Reading, ...]:
        return tuple(msgspec.structs.replace(reading, **part(reading)) for reading in readings)

    return msgspec.structs.replace(
        unit, sample=percent, source=narrowed(unit.source), destination=narrowed(unit.destination)
    )
