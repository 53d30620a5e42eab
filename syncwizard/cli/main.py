"""The command `syncwizard`."""

import click


@click.group()
@click.version_option(package_name="syncwizard")
def main() -> None:
    """Synchronizes PostgreSQL databases: schema, full copy, continuous changes."""
