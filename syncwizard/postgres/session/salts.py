"""The secrets of scripts as settings of a session: statements name them, and have no part of their values."""

from collections.abc import Mapping

from syncwizard.postgres.session.connection import Connection
from syncwizard.rows.etl.catalogue.texts import setting_of


def set_salts(session: Connection, salts: Mapping[str, str]) -> None:
    """Sets each, by the form that names it in scripts."""
    for form, salt in salts.items():
        session.execute("SELECT pg_catalog.set_config(%s, %s, false)", (setting_of(form), salt))
    if salts and not session.autocommit:
        session.commit()
