"""One practice for all scenarios, and the times they took."""

import os
import re
import shutil
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.e2e import kernel, prepare
from tests.e2e.practice import PairedBefore, Practice, paired_before

LOGS: Final = Path("build/e2e").resolve()
NEIGHBOURS: Final = ("veste", "accueil", "salle", "cabinet", "couloir", "entree", "archives")
TROUBLE: Final = re.compile(r"kernel BUG|BUG:|Oops|WARNING:|list_del corruption|blocked for more than")
KNOWN: Final = re.compile(r"\bhci_chan_del\b")
"""A fault of Linux 6.1: a channel is freed twice when the adapter fails amid an attempt to connect. It takes
bluetoothd with it; the bridge must live with that, and the scenario that met it has shown that it does.
"""
REPORT_ENDS: Final = "end trace"
TAIL_LINES: Final = 40

type Note = Callable[[str, float], None]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def neighbours() -> list[PairedBefore]:
    """Seven buttons that were paired with this practice before."""
    return await paired_before(NEIGHBOURS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def practice() -> AsyncGenerator[Practice]:
    """The practice; its computer is off at first."""
    if reasons := list(prepare.missing()):
        pytest.fail("; ".join(reasons))
    found = kernel.find(prepare.cache())
    assert found is not None, "no kernel: run make e2e, which fetches one"
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    accelerator = os.environ.get("E2E_ACCEL") or "tcg,thread=multi"
    async with Practice(LOGS, found, accelerator=accelerator) as it:
        yield it


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """`note(what, seconds)`: a time worth telling, for the summary and the JUnit file."""
    return lambda what, seconds: request.node.user_properties.append((what, round(seconds, 3)))


def kernel_trouble(logs: Path = LOGS) -> list[str]:
    """What the guests' kernels complained of, but for what is known of them."""
    reports = (report for log in sorted(logs.glob("*/kernel.log")) for report in _reports(log.read_text()))
    return [report for report in reports if not KNOWN.search(report)]


def _reports(log: str) -> Iterator[str]:
    """Each complaint with what the kernel tells of it, up to the end of its trace."""
    lines = iter(log.splitlines())
    for line in lines:
        if TROUBLE.search(line):
            report = [line]
            if "list_del corruption" in line or "cut here" in line or "BUG" in line:
                report += takewhile(lambda told: REPORT_ENDS not in told, lines)
            yield "\n".join(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how long everything took; and after a failure, what the programs in the guest said last."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    if reports:
        terminalreporter.section("seconds, by the host's clock")
    for report in sorted(reports, key=lambda report: report.start):
        times = ", ".join(f"{what} {seconds:.2f}" for what, seconds in report.user_properties)
        terminalreporter.write_line(f"{report.duration:7.1f}  {report.location[2]}: {times}")
    if terminalreporter.getreports("failed") or terminalreporter.getreports("error"):
        terminalreporter.section(f"logs are in {LOGS}")
        for path in sorted(LOGS.glob("boot-*/jobs/*.err")):
            _show_tail(terminalreporter, path)


def _show_tail(terminalreporter: pytest.TerminalReporter, path: Path) -> None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    if lines:
        terminalreporter.write_line(f"--- {path.relative_to(LOGS)}")
        terminalreporter.write("".join(f"{line}\n" for line in lines))
