"""Keeps one PostgreSQL server as a child: when the program that wanted it dies, its pipe closes and the server stops.

Run as `python -m syncwizard.demo.watchdog UID GID COMMAND…`; UID is -1 where no other account is needed.
"""

import os
import signal
import subprocess
import sys
import threading

FAST_SHUTDOWN_SECONDS = 20


def stop_when_orphaned(server: "subprocess.Popen[bytes]") -> None:
    """Reads the pipe to its end, which comes when the other side closed it or died, then stops the server."""
    while os.read(sys.stdin.fileno(), 64):
        pass
    server.send_signal(signal.SIGINT)
    try:
        server.wait(FAST_SHUTDOWN_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)


def main() -> int:
    """Runs the server until it ends; its exit status is ours."""
    uid, gid, *command = sys.argv[1:]
    if int(uid) < 0:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    else:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, user=int(uid), group=int(gid), extra_groups=[])
    threading.Thread(target=stop_when_orphaned, args=(server,), daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
