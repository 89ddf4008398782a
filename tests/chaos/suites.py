"""Faults that have tests of their own and no section, such as a pulled cable: each test becomes a row.

A test may say what it measured, and its row adds it up over all its parameters:

    record_property("presses", 3)        # made
    record_property("told", 3)           # messages that people read, each counted once
    record_property("worst_s", 1.2)      # from the end of the fault to the last message

A test that fails is a loss, whatever it says.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from tests.chaos.bench import Bench
from tests.chaos.row import Row

TESTS: Final = Path(__file__).parent.parent
CABLES: Final = TESTS / "network" / "test_cable.py"
FAULTS: Final = {
    "test_packets_that_vanish_hold_up_nobody_else_and_the_alert_arrives_when_they_no_longer_do": (
        "network, by packet filter: all packets lost"
    ),
    "test_a_connection_that_goes_silent_leaves_a_doubt_and_the_key_removes_it": (
        "network, by packet filter: open connection black-holed"
    ),
    "test_a_third_of_all_packets_lost_costs_time_and_nothing_else": (
        "network, by packet filter: every third packet lost"
    ),
    "test_a_message_leaves_as_soon_as_the_link_is_up_though_the_backoff_stands_at_a_minute": (
        "network: cable pulled and plugged in"
    ),
    "test_without_names_other_channels_work_and_the_alert_leaves_when_names_are_back": (
        "network: DNS silent, or broken"
    ),
}
"""The row of each test."""
SHORT: Final = 1
TIMEOUT_S: Final = 300.0


async def suites(bench: Bench) -> list[Row]:
    """A row for every test."""
    faults = dict(list(FAULTS.items())[: SHORT if bench.is_short else None])
    rows = await _run(CABLES, faults)
    for row in rows:
        bench.say(f"{row.fault}: worst {row.worst_s:.1f} s")
    return rows


async def _run(path: Path, faults: Mapping[str, str]) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        tests = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1"),
            *("--junit-xml", str(results), *(f"{path}::{test}" for test in faults)),
            cwd=TESTS.parent,
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await tests.wait()
        except TimeoutError:
            tests.kill()
            await tests.wait()
            return [Row(path.name, wrong=[f"{path}: not done within {TIMEOUT_S:g} s"])]
        if not results.exists():
            return [Row(path.name, wrong=[f"{path}: pytest did not run (exit code {tests.returncode})"])]
        return rows_of_results(faults, results.read_text(encoding="utf-8"))


def rows_of_results(faults: Mapping[str, str], junit: str) -> list[Row]:
    """Read what pytest wrote; a skipped test is no trial, no loss, and no success."""
    rows = {test: Row(fault) for test, fault in faults.items()}
    for case in ElementTree.fromstring(junit).iter("testcase"):
        row = rows.get((case.get("name") or "").partition("[")[0])
        if row is None:
            continue
        if (skipped := case.find("skipped")) is not None:
            row.skipped = skipped.get("message") or "says not why"
        else:
            _add(row, case)
    for test, row in rows.items():
        if not row.trials and not row.skipped:
            row.wrong.append(f"{test} did not run")
    return list(rows.values())


def _add(row: Row, case: ElementTree.Element) -> None:
    row.trials += 1
    if case.find("failure") is not None or case.find("error") is not None:
        row.wrong.append(f"{case.get('classname')}::{case.get('name')} failed")
    said = {each.get("name"): each.get("value") or "0" for each in case.iter("property")}
    row.presses += int(said.get("presses", 0))
    row.told += int(said.get("told", 0))
    row.worst_s = max(row.worst_s, float(said.get("worst_s", 0.0)))
