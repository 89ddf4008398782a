"""A practice whose computer runs Debian with the package installed, and systemd.

Nothing of it shares a file with this machine: its disk is a copy, and its kernel is QEMU's.
"""

import os
import shutil
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final, Protocol

import pytest
import pytest_asyncio

from tests.e2e import kernel, prepare
from tests.e2e.machine import System
from tests.e2e.practice import PairedBefore, Practice, paired_before

GUEST: Final = Path(__file__).parent / "guest"
LOGS: Final = Path("build/systemd").resolve()
MEMORY_MIB: Final = 1024
DISK_MIB: Final = 768
NOT_WANTED: Final = ("getty@tty1.service", "serial-getty@ttyS0.service", "systemd-logind.service")
"""Nobody logs in, and nobody is asked to."""
TAIL_LINES: Final = 80

type Note = Callable[[str, float], None]


class Debian(Protocol):
    """A Debian system below a folder: see ../conftest.py."""

    root: Path

    def path(self, path: str) -> Path: ...
    def apt(self, *arguments: str) -> str: ...
    def bring(self, file: Path) -> str: ...


def install(debian: Debian, package: Path) -> None:
    """Install the package, and what lets the tests steer the machine."""
    debian.apt("install", debian.bring(package))
    debian.path(f"/root/{package.name}").unlink()
    units = debian.path("/etc/systemd/system")
    shutil.copy(GUEST / "tests.service", units)
    (units / "multi-user.target.wants/tests.service").symlink_to("../tests.service")
    # What systemd would do at a first boot is done: that would take half as long again.
    for folder in ("/etc", "/var"):
        debian.path(f"{folder}/.updated").touch()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def veste() -> PairedBefore:
    """A button that was paired with this practice before."""
    (button,) = await paired_before(["veste"])
    return button


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice(unpack: Callable[[], Debian], package: Path) -> AsyncGenerator[Practice]:
    """The practice; its computer is off at first, and flicbridge on it knows no settings."""
    if reasons := list(prepare.missing()):
        pytest.fail("; ".join(reasons))
    found = kernel.find(prepare.cache())
    assert found is not None, "no kernel: run make systemd, which fetches one"
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    debian = unpack()
    install(debian, package)
    system = System(
        GUEST / "init", MEMORY_MIB, DISK_MIB, debian.root,
        kernel_words=" ".join(f"systemd.mask={unit}" for unit in NOT_WANTED),
    )  # fmt: skip
    accelerator = os.environ.get("E2E_ACCEL") or "tcg,thread=multi"
    async with Practice(LOGS, found, system, accelerator=accelerator) as it:
        yield it


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """`note(what, seconds)`: a time worth telling, for the summary and the JUnit file."""
    return lambda what, seconds: request.node.user_properties.append((what, round(seconds, 3)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how long everything took; and after a failure, what the guest said last."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for report in sorted(reports, key=lambda report: report.start):
        times = ", ".join(f"{what} {seconds:.2f}" for what, seconds in report.user_properties)
        terminalreporter.write_line(f"{report.duration:7.1f}  {report.location[2]}: {times}")
    if terminalreporter.getreports("failed") or terminalreporter.getreports("error"):
        terminalreporter.section(f"logs are in {LOGS}")
        for path in sorted(LOGS.glob("boot-*/*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
            terminalreporter.write_line(f"--- {path.relative_to(LOGS)}")
            terminalreporter.write("".join(f"{line}\n" for line in lines))
