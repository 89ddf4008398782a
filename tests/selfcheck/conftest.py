"""Shared by the tests of the selfcheck: cases with settings of the test's choice, and a bus of their own."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import Clock, SystemClock
from flicbridge.selfcheck.case import Case, Probe
from flicbridge.selfcheck.finding import Finding, Verdict
from flicbridge.simulator.systembus import system_bus

SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "state"

[doctor]
name = "Dr Zoé Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = { latitude = 45.83362, longitude = 1.26105 }

[[buttons]]
name = "poche"
family = "flic2"
gestures = { long = "alert" }

[[recipients]]
name = "samu"
channels = [ CHANNELS ]

[[plan]]
after = "0s"
notify = ["samu"]
"""
HOOK = '{ transport = "http", url = "http://127.0.0.1:9/hook", secret = "hub-key" }'

type MakeCase = Callable[..., Case]


@pytest.fixture
def make_case(tmp_path: Path) -> MakeCase:
    """A case whose settings have these channels, and whose file has more after that."""

    def make(*channels: str, more: str = "", text: str | None = None, clock: Clock | None = None) -> Case:
        file = tmp_path / "flicbridge.toml"
        written = SETTINGS.replace("CHANNELS", ", ".join(channels or [HOOK])) + more
        file.write_text(written if text is None else text, encoding="utf-8")
        file.chmod(0o600)
        return Case.open(file, clock or SystemClock())

    return make


@pytest.fixture
def case(make_case: MakeCase) -> Case:
    """An ordinary practice."""
    return make_case()


@pytest.fixture
async def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of a dbus-daemon of our own in the place of the machine's."""
    if sys.platform != "linux" or shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    folder = tmp_path / "dbus"
    folder.mkdir()
    async with system_bus(folder) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
def no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a message bus."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")


class Answers(dict[str, Finding]):
    """Findings by their check."""

    def verdicts(self) -> dict[str, str]:
        """How good each is."""
        return {check: finding.verdict.value for check, finding in self.items()}

    def faults(self) -> set[str]:
        """What is broken."""
        return {check for check, finding in self.items() if finding.verdict is Verdict.FAULT}


@pytest.fixture
def ask() -> Callable[[Probe, Case], Any]:
    """`await ask(probe, case)`: what a probe finds, by check."""

    async def found(probe: Probe, case: Case) -> Answers:
        async with asyncio.timeout(15):
            return Answers({finding.check: finding for finding in await probe(case)})

    return found
