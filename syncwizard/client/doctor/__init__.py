"""What of this machine matters to the program: versions, folders, terminal, keyring, limits; changes nothing."""

from syncwizard.client.doctor import machine, places, programs, terminal
from syncwizard.client.doctor.finding import Finding

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """Every finding, in the order in which they are read."""
    return [*programs.findings(), *places.findings(), *terminal.findings(), *machine.findings()]
