"""The last minutes of each table, from the totals that a viewer sees: samples, not facts. Pure."""

from collections.abc import Mapping

import msgspec

# So many stretches of so many seconds: five minutes.
STRETCHES, STRETCH_SECONDS = 15, 20

Totals = Mapping[str, int]


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of each table by stretch; `first`: the stretch that was looked at first, before which nothing is known.

    `totals`: as they were seen last. `counts`: table → number of the stretch → changes in it.
    """

    first: int | None = None
    totals: Totals = {}
    counts: Mapping[str, Mapping[int, int]] = {}


def observe(activity: Activity, totals: Totals, now: float) -> Activity:
    """With the totals of this moment; a total that is less than before is of another engine, and begins anew.

    >>> seen = observe(observe(Activity(), {"a": 5}, 1000.0), {"a": 9}, 1001.0)
    >>> recent(seen, "a", 1001.0, 3)
    [None, None, 4.0]
    """
    stretch = int(now // STRETCH_SECONDS)
    if activity.first is None:
        return Activity(first=stretch, totals=dict(totals))
    changed = {name: total - activity.totals.get(name, 0) for name, total in totals.items()}
    changed = {name: count for name, count in changed.items() if count > 0}
    oldest = stretch - STRETCHES
    counts = {name: known for name, known in activity.counts.items() if max(known) > oldest}
    for name, count in changed.items():
        known = {number: value for number, value in counts.get(name, {}).items() if number > oldest}
        counts[name] = {**known, stretch: known.get(stretch, 0) + count}
    return Activity(first=activity.first, totals=dict(totals), counts=counts)


def recent(activity: Activity, table: str, now: float, columns: int = STRETCHES) -> list[float | None]:
    """The changes of the last stretches, up to now; None before the first look.

    >>> recent(Activity(), "a", 0.0, 2)
    [None, None]
    """
    stretch = int(now // STRETCH_SECONDS)
    known = activity.counts.get(table, {})
    return [
        None if activity.first is None or number < activity.first else float(known.get(number, 0))
        for number in range(stretch - columns + 1, stretch + 1)
    ]
