"""Settings that an administrator changes while a task runs, and takes back after a while."""

from collections.abc import Callable

import msgspec

from syncwizard.errors import End
from tests.faults.faults import Fault
from tests.faults.harness import Trial, moment
from tests.support.reloading import reloaded

SECONDS = 3.0


class Settings(msgspec.Struct, frozen=True):
    """A server's settings by what they stand for; `crash`: the server crashes under them."""

    name: str
    end: End
    values: dict[str, str]
    crash: bool = False


FORMATS = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "search_path": "pg_catalog",
    "array_nulls": "off",
}
# In milliseconds.
TIMES = {
    "statement_timeout": "100",
    "lock_timeout": "50",
    "idle_in_transaction_session_timeout": "50",
    "idle_session_timeout": "400",
}

RELOADS = [
    # What was not flushed is gone after the crash; what was acknowledged must not be.
    Settings("commits not flushed", "destination", {"synchronous_commit": "off"}, crash=True),
    Settings("commits not flushed", "source", {"synchronous_commit": "off"}, crash=True),
    Settings("a standby that is not there", "destination", {"synchronous_standby_names": "absent"}),
    Settings("read only", "destination", {"default_transaction_read_only": "on"}),
    Settings("serializable", "destination", {"default_transaction_isolation": "serializable"}),
    Settings("serializable", "source", {"default_transaction_isolation": "serializable"}),
    Settings("short times", "destination", TIMES),
    Settings("short times", "source", {**TIMES, "wal_sender_timeout": "3000"}),
    Settings("other formats", "destination", FORMATS),
    Settings("other formats", "source", FORMATS),
    Settings("a small memory for decoding", "source", {"logical_decoding_work_mem": "64"}),
]


def _reload(settings: Settings) -> Callable[[Trial], str | None]:
    def reload(trial: Trial) -> str | None:
        pair = trial.pair
        cluster = pair.source_cluster if settings.end == "source" else pair.destination_cluster
        with reloaded(cluster, **settings.values):
            # Sessions that were opened before follow the reload, others begin with it.
            moment(trial.choice.uniform(0, SECONDS))
            if settings.crash:
                cluster.restart("immediate")
            moment(trial.choice.uniform(0, SECONDS))
        pair.reconnect()
        return f"{', '.join(settings.values)} at the {settings.end}"

    return reload


RELOADED = {f"{each.end}: {each.name}": Fault(f"{each.end}: {each.name}", _reload(each)) for each in RELOADS}
