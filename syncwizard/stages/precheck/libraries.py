"""The item about the libraries that sort text: that of each end is the one its indexes were made with, and both ends
have the same."""

from collections.abc import Mapping

from syncwizard.errors import End
from syncwizard.postgres.catalog.locale import PROVIDERS, CollationVersion, read_collation_version
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, item, passed, warning
from syncwizard.task.names import quote


@item("collation-versions", "The libraries that sort text are of one version", BOTH)
def collation_versions(checkup: Checkup) -> Finding:
    """glibc or ICU, of the database itself; known from PostgreSQL 15 on. No value depends on them, orders do."""
    found = {end: read_collation_version(checkup.session(end)) for end in BOTH}
    return judge_versions(found, {end: checkup.session(end).info.dbname for end in BOTH})


def judge_versions(found: Mapping[End, CollationVersion | None], databases: Mapping[End, str]) -> Finding:
    """What follows from them; None where a server does not say it.

    >>> old = CollationVersion(provider="c", made_with="2.28", actual="2.36")
    >>> new = CollationVersion(provider="c", made_with="2.36", actual="2.36")
    >>> judge_versions({"source": new, "destination": new}, {}).verdict
    'passed'
    >>> print(judge_versions({"source": old, "destination": new}, {"source": "kb"}).message)
    the source's database was made with libc 2.28 and runs with 2.36: its indexes of text may be out of order
    >>> one, other = CollationVersion("i", "72", "72"), CollationVersion("i", "76", "76")
    >>> print(judge_versions({"source": one, "destination": other}, {}).message)
    text is sorted by icu 72 at the source and by icu 76 at the destination: orders and ranges of text may differ
    """
    outdated = {end: each for end, each in found.items() if each is not None and each.outdated}
    if outdated:
        return warning(
            [
                f"the {end}'s database was made with {each.library} {each.made_with} and runs with {each.actual}: its"
                " indexes of text may be out of order"
                for end, each in outdated.items()
            ],
            "rebuild the indexes of text there (REINDEX), then note the version",
            [f"ALTER DATABASE {quote(databases[end])} REFRESH COLLATION VERSION" for end in outdated],
        )
    source, destination = (found[end] for end in BOTH)
    if source is None or destination is None or source.provider != destination.provider:
        return passed()
    if source.actual and destination.actual and source.actual != destination.actual:
        name = PROVIDERS.get(source.provider, source.provider)
        return warning(
            f"text is sorted by {name} {source.actual} at the source and by {name} {destination.actual} at the"
            " destination: orders and ranges of text may differ",
            "where that matters, use a server with the same version; look at partitions by ranges of text first",
        )
    return passed()


ITEMS = (collation_versions,)
