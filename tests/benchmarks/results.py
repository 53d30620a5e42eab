"""Prints what was measured, with the ratio to the peer that the budget names."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Our figure beside a peer's, and the budget for their ratio (None: shown only)."""

    what: str
    ours_seconds: float
    peer: str
    peer_seconds: float
    budget: float | None = None

    @property
    def value(self) -> float:
        """Ours by theirs: below 1 we are faster."""
        return self.ours_seconds / self.peer_seconds

    def __str__(self) -> str:
        return f"{self.what}: {self.ours_seconds:.2f} s, {self.peer} {self.peer_seconds:.2f} s, ratio {self.value:.2f}"


def print_ratios(ratios: Iterable[Ratio]) -> None:
    """A Markdown table, so that it can go into the manual as it is."""
    print_table(
        ("what", "ours", "peer", "theirs", "ratio", "budget"),
        [
            (
                ratio.what,
                f"{ratio.ours_seconds:.2f} s",
                ratio.peer,
                f"{ratio.peer_seconds:.2f} s",
                f"{ratio.value:.2f}",
                "" if ratio.budget is None else f"≤ {ratio.budget:.2f}",
            )
            for ratio in ratios
        ],
    )


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of text under their heads, columns aligned."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |", flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed.

    >>> percentile([5, 1, 2, 3, 4], 0.5), percentile([5, 1, 2, 3, 4], 0.99)
    (3, 5)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
