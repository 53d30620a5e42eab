"""A hot standby of a server, by a base backup."""

import os
import subprocess

from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster


def back_up(primary: Cluster, second: Cluster, *options: str) -> None:
    """Makes the second one a standby of the first, which runs; it is not started. `options`: of pg_basebackup."""
    second.folder.mkdir()
    command = f"-h {primary.sockets} -U postgres -c fast -R -D {second.data}"
    subprocess.run(
        [primary.bin / "pg_basebackup", *command.split(), *options],
        check=True,
        capture_output=True,
        env=installations.clean_environment(),
    )
    account = installations.server_account()
    if account is not None:
        for path in (second.folder, second.data, *second.data.rglob("*")):
            os.chown(path, account.uid, account.gid)
    second.data.chmod(0o700)
