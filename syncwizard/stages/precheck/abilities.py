"""What an older source cannot do, and what helps instead."""

from syncwizard.postgres.dialect import features
from syncwizard.postgres.session.server import major, read_encoding
from syncwizard.postgres.source.slot import why_not_decoded
from syncwizard.remedies import to_do
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, failed, item, passed, warning


@item("source-abilities", "The source's version publishes and limits what it should", ("source",))
def source_abilities(checkup: Checkup) -> Finding:
    """TRUNCATE is published from 11 on, and the WAL that a slot holds can be limited from 13 on."""
    server = features(checkup.source)
    notes, remedies = [], []
    if not server.truncate_in_stream:
        notes.append(
            "TRUNCATE is not followed before PostgreSQL 11: a truncated table keeps its rows at the destination"
        )
        remedies.append("copy a table again that was truncated: syncwizard resync TASK --table SCHEMA.NAME")
    if not server.retention_limit:
        notes.append("the WAL that a paused or failed task holds cannot be limited before PostgreSQL 13")
        remedies.append("watch the space that is left for pg_wal")
    if notes:
        return warning("; ".join(notes), "; ".join(remedies))
    if not server.binary_stream:
        return passed(
            f"from PostgreSQL {major(checkup.source)} changes come as text, and each table is copied in one piece"
        )
    return passed()


@item("output-plugin", "The source has the output plugin that the task reads", ("source",), run_by="administrator")
def output_plugin(checkup: Checkup) -> Finding:
    """pgoutput is part of every server; test_decoding comes with contrib, and sends text in the server's encoding."""
    plugin = checkup.spec.advanced.decoding
    if plugin == "pgoutput":
        return passed()
    encoding = read_encoding(checkup.source)
    if encoding != "UTF8":
        return failed(
            f"test_decoding sends text in the encoding of the source, which is {encoding}: only UTF8 can be read",
            to_do("set advanced.decoding to pgoutput"),
        )
    reason = why_not_decoded(checkup.source, plugin)
    if reason:
        return failed(
            f"a slot of {plugin} cannot be made: {reason}",
            to_do(
                "install the package with the server's contrib modules",
                otherwise=to_do("set advanced.decoding to pgoutput"),
            ),
        )
    return passed("changes come from test_decoding, as text, and of every table of the database")


ITEMS = (source_abilities, output_plugin)
