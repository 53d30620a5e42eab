"""An SSH server of a test's own, and a user's configuration that leads to it."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.network import ADDRESS, free_port
from tests.support.waiting import until

# Beside those of PATH: an ordinary user's has none of the server's programs.
SERVERS = ("/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd")


@dataclass
class Bastion:
    """The host `bastion` of the user's ssh; `programs` is the folder with that ssh, to be put first on PATH."""

    programs: Path
    log: Path
    server: "subprocess.Popen[bytes]"


def sshd() -> Path | None:
    """The program of the server, where this machine has it."""
    found = [shutil.which("sshd"), *SERVERS]
    return next((Path(path) for path in found if path and Path(path).exists()), None)


@contextmanager
def bastion(folder: Path, program: Path) -> Iterator[Bastion]:
    """Runs the server until the end of the block; its host key is known, and the user's key lets in."""
    folder.mkdir(mode=0o755)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    port = free_port()
    (folder / "known").write_text(f"[{ADDRESS}]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "sshd.conf").write_text(
        f"ListenAddress {ADDRESS}\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nAllowTcpForwarding yes\n"
    )
    (folder / "user.conf").write_text(
        f"Host bastion\n  HostName {ADDRESS}\n  Port {port}\n  User {getpass.getuser()}\n  IdentityFile {folder}/user\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n  StrictHostKeyChecking yes\n"
    )
    programs = folder / "bin"
    programs.mkdir()
    # ssh finds the user's own configuration by the account and not by HOME: a wrapper stands for another user's.
    wrapper = programs / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/user.conf "$@"\n')
    wrapper.chmod(0o755)
    if os.geteuid() == 0:
        # sshd wants it when it is root; the system's own service would make it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = folder / "sshd.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [program, "-D", "-e", "-f", folder / "sshd.conf"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        until(lambda: b"Server listening" in log.read_bytes() or server.poll() is not None, what="sshd listens")
        assert server.poll() is None, log.read_text()
        yield Bastion(programs, log, server)
    finally:
        server.terminate()
        server.wait()
