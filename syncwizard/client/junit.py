"""Items of a precheck as JUnit XML, which systems for continuous integration read."""

from collections.abc import Sequence
from xml.etree import ElementTree

from syncwizard.remedies import lines_of
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.text import clean_lines


def as_junit(name: str, items: Sequence[PrecheckItemFinished]) -> str:
    """A suite of one case an item, named by its id; what blocks is a failure, what informs is output.

    >>> passed = PrecheckItemFinished(item="wal-level", title="WAL", verdict="passed", message="")
    >>> failed = PrecheckItemFinished(item="slot", title="Slot", verdict="failed", message="a < b\x07")
    >>> print(as_junit("kb", [passed, failed]))
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuite name="syncwizard precheck of kb" tests="2" failures="1" errors="0" skipped="0">
      <testcase classname="precheck" name="wal-level" />
      <testcase classname="precheck" name="slot">
        <failure message="a &lt; b\\x07" type="failed" />
      </testcase>
    </testsuite>
    """
    suite = ElementTree.Element(
        "testsuite",
        name=clean_lines(f"syncwizard precheck of {name}"),
        tests=str(len(items)),
        failures=str(sum(item.blocks for item in items)),
        errors="0",
        skipped="0",
    )
    for item in items:
        case = ElementTree.SubElement(suite, "testcase", classname="precheck", name=item.item)
        details = clean_lines("\n".join([*item.objects, *lines_of(item.remedy)]))
        if item.blocks:
            kind = "failed" if item.verdict == "failed" else "to accept"
            failure = ElementTree.SubElement(case, "failure", message=clean_lines(item.message), type=kind)
            failure.text = details or None
        elif item.verdict != "passed":
            output = ElementTree.SubElement(case, "system-out")
            output.text = "\n".join(filter(None, [clean_lines(item.message), details]))
    ElementTree.indent(suite)
    text = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
