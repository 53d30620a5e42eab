"""A server that is set back to an earlier state of itself, or promoted: what snapshots, restores and standbys do."""

import subprocess
from collections.abc import Callable

from syncwizard.demo.servers import Cluster
from tests.support.waiting import until


def keep(cluster: Cluster) -> None:
    """Keeps the server's present state, as a cold copy beside it."""
    _stopped(cluster, lambda: _copy(cluster, "data", "kept"))


def set_back(cluster: Cluster) -> None:
    """Puts the kept state in the place of the present one."""
    _stopped(cluster, lambda: _copy(cluster, "kept", "data"))


def promote(cluster: Cluster) -> None:
    """Makes the server go on in a timeline of its own, as a standby does that takes the primary's place."""
    cluster.stop()
    signal = cluster.data / "standby.signal"
    signal.touch()
    cluster.start()
    with cluster.connect() as session:
        session.execute("SELECT pg_promote()")
        until(lambda: session.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,), 30, "the promotion")
        # A walsender tells of the timeline of the last checkpoint.
        session.execute("CHECKPOINT")


def _stopped(cluster: Cluster, act: Callable[[], None]) -> None:
    cluster.stop()
    act()
    cluster.start()


def _copy(cluster: Cluster, source: str, target: str) -> None:
    subprocess.run(["rm", "-rf", cluster.folder / target], check=True)
    subprocess.run(["cp", "-a", cluster.folder / source, cluster.folder / target], check=True)
