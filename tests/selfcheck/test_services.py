"""Clock, systemd and modem: asked over a real bus, held against the store, and judged."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flicbridge.bridge import DATABASE
from flicbridge.clock import SystemClock
from flicbridge.outbox.database import connect
from flicbridge.selfcheck import clock, modem, service
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.clock import TIMEDATE, judged
from flicbridge.selfcheck.modem import MANAGER, MODEM
from flicbridge.selfcheck.service import SYSTEMD
from flicbridge.simulator import systembus

pytestmark = pytest.mark.real_time

NOW_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


# ---- the clock


def test_a_clock_that_nobody_set_is_a_fault() -> None:
    assert judged(datetime(1970, 1, 1, 0, 3, tzinfo=UTC), None).check == "clock_not_set"


def test_a_clock_behind_what_the_bridge_saw_is_a_fault() -> None:
    assert judged(NOW_AT, NOW_AT + timedelta(hours=1)).check == "clock_behind"


@pytest.mark.parametrize(
    "seen_at", [None, NOW_AT, NOW_AT + timedelta(seconds=50), NOW_AT - timedelta(days=9)]
)
def test_a_clock_that_is_not_behind_is_fine(seen_at: datetime | None) -> None:
    assert judged(NOW_AT, seen_at).check == "clock"


class Frozen(SystemClock):
    """A clock that says what the test says."""

    def now_at(self) -> datetime:
        return NOW_AT


async def test_what_the_store_has_seen_is_held_against_the_clock(
    no_bus: None, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    case = make_case(clock=Frozen())
    see(case.state_dir, NOW_AT + timedelta(days=2))
    found = await ask(clock.probe, case)
    assert found["clock_behind"].facts["seen"] == "2026-11-24 12:00 UTC"


def see(state_dir: Path, at: datetime) -> None:
    """Have a bridge have noted a time."""
    state_dir.mkdir()
    with closing(connect(state_dir / DATABASE)) as db:
        row = ("clock", "seen", f'"{at.isoformat()}"', at.timestamp())
        db.execute("INSERT INTO observation (subject, fact, value_json, at) VALUES (?, ?, ?, ?)", row)


async def test_a_damaged_store_keeps_nobody_from_reading_the_clock(
    no_bus: None, case: Case, ask: Callable[..., Any]
) -> None:
    case.state_dir.mkdir()
    (case.state_dir / DATABASE).write_bytes(b"no database" * 100)
    assert "clock" in await ask(clock.probe, case)


@pytest.mark.parametrize(
    ("kept", "check", "verdict"),
    [(True, "clock_synchronised", "ok"), (False, "clock_not_synchronised", "warning")],
)
async def test_systemd_tells_whether_the_clock_is_kept(
    bus: str, case: Case, ask: Callable[..., Any], kept: bool, check: str, verdict: str
) -> None:
    objects = {
        "/org/freedesktop/timedate1": {TIMEDATE: {"NTPSynchronized": kept, "Timezone": "Europe/Paris"}}
    }
    async with systembus.service(bus, TIMEDATE, objects):
        found = await ask(clock.probe, case)
    assert found.verdicts() == {"clock": "ok", check: verdict}
    assert found[check].facts == {"by": "systemd"}


async def test_without_systemd_the_kernel_is_asked(
    no_bus: None, case: Case, ask: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("Seccomp:\t2\n")
    found = await ask(clock.probe, replace(case, root=tmp_path))
    assert found["clock_not_synchronised"].facts == {"by": "kernel"}


# ---- systemd


def unit(**properties: object) -> systembus.Objects:
    state = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", **properties}
    path = "/org/freedesktop/systemd1/unit/flicbridge_2eservice"
    return {path: {f"{SYSTEMD}.Unit": state, f"{SYSTEMD}.Service": {"NRestarts": 3}}}


@pytest.mark.parametrize(
    ("properties", "verdicts"),
    [
        ({}, {"unit": "ok"}),
        ({"ActiveState": "failed"}, {"unit_not_active": "fault"}),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"},
         {"unit_not_active": "fault", "unit_not_enabled": "warning"}),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, {"unit_absent": "not_applicable"}),
    ],
)  # fmt: skip
async def test_systemd_tells_how_the_unit_is(
    bus: str, case: Case, ask: Callable[..., Any], properties: dict[str, object], verdicts: dict[str, str]
) -> None:
    async with systembus.service(bus, SYSTEMD, unit(**properties)) as asked:
        found = await ask(service.unit, case)
    assert found.verdicts() == verdicts
    assert set(asked) == {"LoadUnit", "GetAll"}


@pytest.mark.usefixtures("no_bus")
async def test_a_machine_without_systemd_has_no_unit(case: Case, ask: Callable[..., Any]) -> None:
    assert (await ask(service.unit, case)).verdicts() == {"unit_unknown": "not_applicable"}


# ---- modems


def modems(**properties: object) -> systembus.Objects:
    return {
        "/org/freedesktop/ModemManager1/Modem/0": {
            MODEM: {"State": 8, "SignalQuality": (61, True), "Model": "E3372", **properties}
        }
    }


@pytest.mark.parametrize(
    ("properties", "check"),
    [
        ({}, "modem"),
        ({"State": 11}, "modem"),
        ({"State": 7}, "modem_unregistered"),
        ({"State": 2}, "modem_locked"),
        ({"State": -1}, "modem_failed"),
    ],
)
async def test_modem_manager_tells_how_a_modem_is(
    bus: str, case: Case, ask: Callable[..., Any], properties: dict[str, object], check: str
) -> None:
    identity = {"EquipmentIdentifier": "356938035643809", "OwnNumbers": ["+33612345678"]}
    async with systembus.service(bus, MANAGER, modems(**properties, **identity)):
        found = await ask(modem.probe, case)
    assert [*found] == [check]
    assert found[check].facts == {"model": "E3372", "percent": 61}


async def test_no_modem_is_nothing_to_worry_about(bus: str, case: Case, ask: Callable[..., Any]) -> None:
    assert (await ask(modem.probe, case)).verdicts() == {"modem_none": "not_applicable"}
    async with systembus.service(bus, MANAGER, {}):
        assert (await ask(modem.probe, case)).verdicts() == {"modem_none": "not_applicable"}


def test_sqlite_says_its_version() -> None:
    from flicbridge.outbox.inventory import SQLITE_VERSION

    assert sqlite3.sqlite_version == SQLITE_VERSION
