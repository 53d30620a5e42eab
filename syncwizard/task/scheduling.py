"""Settings of comparisons that a task begins by itself."""

from typing import Annotated, Literal

import msgspec

from syncwizard.task.limiting import hours_problem
from syncwizard.task.settings import Group, Setting
from syncwizard.task.verification import LEAST_SAMPLE, LONGEST_HOURS, WHOLE

ScheduledMode = Literal["off", "counts", "rows"]
VERIFICATION = Group(heading="Scheduled verification", title="Verification")


class Scheduled(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which comparisons a task begins by itself, and when."""

    mode: Annotated[
        ScheduledMode,
        Setting(
            label="Compare",
            help="What the task compares by itself once everything is copied: every row (`rows`), the numbers of rows"
            " (`counts`), or nothing (`off`).",
        ),
    ] = "off"
    every_hours: Annotated[
        int,
        Setting(
            label="Again after",
            help="Hours from the end of a comparison to the next one; 0: once, when everything is copied.",
            unit="hours",
            low=0,
            high=720,
        ),
    ] = 0
    between: Annotated[
        str | None,
        Setting(
            label="Only between",
            help="Two times of this machine's clock, over midnight too; a comparison begins only between them.",
            example="22:00-06:00",
            rule=hours_problem,
        ),
    ] = None
    longest_hours: Annotated[
        int,
        Setting(
            label="At most for",
            help="A comparison that takes longer is ended; what was compared by then is kept.",
            unit="hours",
            low=1,
            high=LONGEST_HOURS,
        ),
    ] = 12
    ignore_extra: Annotated[
        bool,
        Setting(
            label="Ignore extra",
            help="Rows that only the destination has are counted, and are no difference.",
        ),
    ] = False
    ignore_missing: Annotated[
        bool,
        Setting(
            label="Ignore missing",
            help="Rows that only the source has are counted, and are no difference.",
        ),
    ] = False
    sample: Annotated[
        int,
        Setting(
            label="Sample",
            help="Percent of the rows that are compared, by ranges of the key drawn anew each time.",
            unit="percent",
            low=LEAST_SAMPLE,
            high=WHOLE,
        ),
    ] = WHOLE
    rows_per_second: Annotated[
        int,
        Setting(
            label="Rows",
            help="At most so many rows are read at each end in a second; 0: no limit.",
            unit="rows a second",
            low=0,
            high=100_000_000,
        ),
    ] = 0
    megabytes_per_second: Annotated[
        int,
        Setting(
            label="Data",
            help="At most so much is read at each end in a second, by the mean size of a table's rows; 0: no limit.",
            unit="MB a second",
            low=0,
            high=100_000,
        ),
    ] = 0
