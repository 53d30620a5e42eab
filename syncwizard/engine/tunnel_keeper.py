"""The main of a tunnel's keeper: `python -m syncwizard.engine.tunnel_keeper LOCAL REMOTE DESTINATION`.

Keeps one `ssh` forwarding LOCAL (ADDRESS:PORT) to REMOTE (HOST:PORT) until stdin ends: that is the end of the engine,
which `ssh -N` alone would outlive. Says on stdout `ready`, or `ended: WORDS` before it tries again.
"""

import os
import subprocess
import sys
import threading
import time

# A bastion that is down is tried again soon, then sparingly.
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# A tunnel that held so long was a good one: its end is a new trouble.
STABLE_SECONDS = 60.0
WORDS_SHOWN = 1000

OPTIONS = {
    # There is no terminal to answer a question at: keys come from files and the agent.
    "BatchMode": "yes",
    "ConnectTimeout": "15",
    "ExitOnForwardFailure": "yes",
    # A bastion that vanished without a word is noticed after half a minute.
    "ServerAliveInterval": "10",
    "ServerAliveCountMax": "3",
    # A connection shared with the user's terminal would end with it.
    "ControlMaster": "no",
    "ControlPath": "none",
    # Runs when the forwarding stands.
    "PermitLocalCommand": "yes",
    "LocalCommand": "echo ready",
}


def command(local: str, remote: str, destination: str) -> list[str]:
    """The call of ssh; other options come from the user's configuration.

    >>> command("127.0.0.1:15432", "db:5432", "me@bastion")[-4:]
    ['-L', '127.0.0.1:15432:db:5432', '--', 'me@bastion']
    """
    options = [part for name, value in OPTIONS.items() for part in ("-o", f"{name}={value}")]
    return ["ssh", "-N", "-T", *options, "-L", f"{local}:{remote}", "--", destination]


def main(arguments: list[str]) -> None:
    """Keeps the tunnel for ever."""
    call = command(*arguments)
    running: list[subprocess.Popen[bytes]] = []
    threading.Thread(target=_end_with_stdin, args=(running,), daemon=True).start()
    attempt = 0
    while True:
        started = time.monotonic()
        process = subprocess.Popen(call, stdin=subprocess.DEVNULL, stdout=None, stderr=subprocess.PIPE)
        running[:] = [process]
        words = b"" if process.stderr is None else process.stderr.read()
        process.wait()
        text = " ".join(words.decode(errors="replace").split())[-WORDS_SHOWN:]
        print(f"ended: {text or f'ssh ended with code {process.returncode}'}", flush=True)
        attempt = 0 if time.monotonic() - started > STABLE_SECONDS else attempt
        time.sleep(BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)])
        attempt += 1


def _end_with_stdin(running: "list[subprocess.Popen[bytes]]") -> None:
    while os.read(0, 4096):
        pass
    for process in running:
        process.kill()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
