"""One short run over everything that has a peer, for daily use: smaller sizes, the order alternates from row to row."""

from tests.benchmarks import cloning, draining, tables
from tests.benchmarks.backlogs import BACKLOGS
from tests.benchmarks.bench import Bench, bench, say
from tests.benchmarks.draining import Parts
from tests.benchmarks.results import Ratio, print_ratios, print_table

# The start weighs four times as much in these: ratios are worse for us than those of the whole sizes, and comparable
# from day to day.
SHARE = 4
TABLES, ROWS = 500, 100
WIDE_ROWS, NARROW_ROWS = 8_000, 250_000
# Takes minutes in the server's own index, whoever applies.
LEFT_OUT = ("vectors", "transaction")


def run() -> None:
    """Prints ratios and processor seconds of every row."""
    ratios: list[Ratio] = []
    spent: list[tuple[str, str, float]] = []
    with bench() as found:
        for number, name in enumerate(name for name in BACKLOGS if name not in LEFT_OUT):
            _drain(found, name, ratios, spent, ours_first=number % 2 == 0)
        ratio, clones = tables.measure(found, TABLES, ROWS, ours_first=False)
        ratios.append(ratio)
        spent += [(ratio.what, who, sum(parts.values())) for who, parts, _, _ in clones]
        found_ratios, processor = cloning.measure(found, WIDE_ROWS, NARROW_ROWS, hnsw=False, ours_first=False)
        ratios += found_ratios
        spent += [("clone", who, seconds) for who, seconds in processor]
    print_ratios(ratios)
    print()
    print_table(("what", "who", "processor"), [(what, who, f"{seconds:.1f} s") for what, who, seconds in spent])


def _drain(
    found: Bench, name: str, ratios: list[Ratio], spent: list[tuple[str, str, float]], *, ours_first: bool
) -> None:
    backlog = BACKLOGS[name]
    parts: list[tuple[str, str, Parts]] = []
    before = len(ratios)
    draining.measure(found, backlog, backlog.size // SHARE, ratios, parts, ours_first=ours_first)
    spent += [(name, who, sum(counted.values())) for _, who, counted in parts]
    for ratio in ratios[before:]:
        say(str(ratio))
