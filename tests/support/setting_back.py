"""A server that is set back to an earlier state of itself, or promoted: what snapshots, restores and standbys do."""

import subprocess
from collections.abc import Callable

from syncwizard.demo.servers import SUPERUSER, Cluster
from tests.support.waiting import until


def keep(cluster: Cluster) -> None:
    """Keeps the server's present state, as a cold copy beside it."""
    _stopped(cluster, lambda: _copy(cluster, "data", "kept"))


def set_back(cluster: Cluster) -> None:
    """Puts the kept state in the place of the present one."""
    _stopped(cluster, lambda: _copy(cluster, "kept", "data"))


def back_up(cluster: Cluster) -> None:
    """Keeps what a standby of the server would have now: a base backup, taken while it runs."""
    kept = cluster.folder / "kept"
    subprocess.run(["rm", "-rf", kept], check=True)
    server = ["-h", str(cluster.sockets), "-p", str(cluster.port), "-U", SUPERUSER]
    subprocess.run([str(cluster.bin / "pg_basebackup"), *server, "-D", str(kept), "-c", "fast"], check=True)
    subprocess.run(["chown", "-R", f"--reference={cluster.data}", str(kept)], check=True)


def take_over(cluster: Cluster) -> None:
    """The standby takes the place of the server, which is gone with the commits that the standby never got."""
    cluster.stop("immediate")
    _copy(cluster, "kept", "data")
    promote(cluster)


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
