"""Reports as JUnit XML, which every CI system shows: a suite per scenario, a case per expectation."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from flicbridge.errors import InputError
from flicbridge.simulator import words
from flicbridge.simulator.report import Report
from flicbridge.simulator.verdict import Check
from flicbridge.simulator.words import Translate


def write_junit(path: Path, reports: Sequence[Report], _: Translate) -> None:
    """Write the file.

    Raises:
        InputError: the file cannot be written.
    """
    root = ET.Element("testsuites", name="flicbridge simulate")
    for report in reports:
        root.append(_suite(report, _))
    ET.indent(root)
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}. Name another file with --junit.") from error


def _suite(report: Report, _: Translate) -> ET.Element:
    checks = report.checks
    suite = ET.Element(
        "testsuite",
        name=report.name,
        tests=str(len(checks) or 1),
        failures=str(sum(not check.ok for check in checks)),
        errors="0",
        skipped=str(int(report.skipped is not None)),
        time=f"{report.lasted_s:.3f}",
    )
    for check in checks:
        suite.append(_case(report.name, check, _))
    if report.skipped is not None:
        case = ET.SubElement(suite, "testcase", classname=report.name, name=report.title, time="0")
        ET.SubElement(case, "skipped", message=report.skipped)
    lines = [f"{words.instant(moment.at_s, _)} {words.sentence(moment, _)}" for moment in report.moments]
    ET.SubElement(suite, "system-out").text = _printable("\n".join(lines))
    return suite


def _case(scenario: str, check: Check, _: Translate) -> ET.Element:
    case = ET.Element("testcase", classname=scenario, name=_printable(words.rule(check, _)), time="0")
    if not check.ok:
        expected, found = (words.value(check, text, _) for text in (check.expected, check.found))
        message = _("expected: {expected}; found: {found}").format(expected=expected, found=found)
        ET.SubElement(case, "failure", type=check.rule.value, message=_printable(message))
    return case


def _printable(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return "".join(c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
