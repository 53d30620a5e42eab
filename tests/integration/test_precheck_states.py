"""States of tables and servers that an item of the precheck is about: each is arranged, and put right as it advises."""

from pathlib import Path

import msgspec

from syncwizard.task.specification import Advanced, Synchronization
from tests.integration.test_precheck_surroundings import found
from tests.support.network import free_port
from tests.support.pair import DatabasePair


def test_a_source_that_is_not_there_is_named_by_its_address(pair: DatabasePair, tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(pair.source_endpoint, port=free_port())
    finding = found(pair.spec(source=nowhere), tmp_path, "source-connectivity")
    assert finding.verdict == "failed" and str(nowhere.port) in finding.message
    assert found(pair.spec(), tmp_path, "source-connectivity").verdict == "passed"


def test_types_without_changes_are_refused(pair: DatabasePair, tmp_path: Path) -> None:
    spec = pair.spec(synchronization=Synchronization(types=["schema", "full"]))
    finding = found(spec, tmp_path, "synchronization-types")
    assert finding.verdict == "failed" and "add incremental to synchronization.types" in str(finding.remedy)
    assert found(pair.spec(), tmp_path, "synchronization-types").verdict == "passed"


def test_partitions_that_would_not_be_captured_and_rows_without_a_key_are_named_until_there_is_one(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute("CREATE TABLE parted (id int NOT NULL, x text) PARTITION BY RANGE (id);")
    pair.source.execute("CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)")
    for item, words in (
        ("later-partitions", "partitions created after the start will not be captured"),
        ("apply-key", "changes find their rows by comparing whole rows"),
    ):
        finding = found(pair.spec(), tmp_path, item)
        assert finding.verdict == "warning" and words in finding.message and "public.parted" in finding.message
        assert "add a primary key" in str(finding.remedy)
    pair.source.execute("ALTER TABLE parted ADD PRIMARY KEY (id)")
    for item in ("later-partitions", "apply-key"):
        assert found(pair.spec(), tmp_path, item).verdict == "passed"


def test_values_of_the_moment_in_a_table_without_a_key_are_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE log (x text)")
    spec = pair.spec(advanced=Advanced(etl="script:e_set(`x`, __OPERATION__)"))
    finding = found(spec, tmp_path, "script-values")
    assert finding.verdict == "failed" and "public.log" in finding.message
    pair.source.execute("ALTER TABLE log ADD COLUMN id int PRIMARY KEY")
    # With a key they are only other values after another copy; without such scripts they are none.
    assert found(spec, tmp_path, "script-values").verdict == "warning"
    assert found(pair.spec(), tmp_path, "script-values").verdict == "passed"
