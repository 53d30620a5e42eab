"""`python -m syncwizard`, and the command `syncwizard`."""

import sys


def main() -> None:
    """Runs the command line; Ctrl-C while it is being imported ends it as quietly as later on."""
    try:
        from syncwizard.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
