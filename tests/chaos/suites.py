"""Faults that have tests of their own and no section, such as the disk: each file of them becomes a row.

A test may say what it measured, and its file's row adds it up:

    record_property("presses", 3)        # made
    record_property("told", 3)           # messages that people read, each counted once
    record_property("worst_s", 1.2)      # from the end of the fault to the last message

A test that fails is a loss, whatever it says.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from tests.chaos.bench import Bench
from tests.chaos.row import Row

TESTS: Final = Path(__file__).parent.parent
SUITES: Final = (("disk: full, read-only, sick, corrupt, gone", "outbox/test_disk.py"),)
TIMEOUT_S: Final = 300.0


async def suites(bench: Bench) -> list[Row]:
    """A row for every suite that there is; no quick look needs them, for `make test` plays them too."""
    rows: list[Row] = []
    if bench.is_short:
        return rows
    for fault, path in SUITES:
        rows.append(await _run(fault, TESTS / path))
        bench.say(f"{fault}: {rows[-1].trials} tests")
    return rows


async def _run(fault: str, path: Path) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        tests = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1"),
            *("--junit-xml", str(results), str(path)),
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
            return Row(fault, wrong=[f"{path}: not done within {TIMEOUT_S:g} s"])
        if not results.exists():
            return Row(fault, wrong=[f"{path}: pytest did not run (exit code {tests.returncode})"])
        return row_of_results(fault, results.read_text(encoding="utf-8"))


def row_of_results(fault: str, junit: str) -> Row:
    """Read what pytest wrote; skipped tests are no trials, and no losses either."""
    row = Row(fault)
    for case in ElementTree.fromstring(junit).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        row.trials += 1
        if case.find("failure") is not None or case.find("error") is not None:
            row.wrong.append(f"{case.get('classname')}::{case.get('name')} failed")
        said = {each.get("name"): each.get("value") or "0" for each in case.iter("property")}
        row.presses += int(said.get("presses", 0))
        row.told += int(said.get("told", 0))
        row.worst_s = max(row.worst_s, float(said.get("worst_s", 0.0)))
    if not row.trials:
        row.skipped = "none of its tests can run here"
    return row
