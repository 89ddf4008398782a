"""`flicbridge status`: the answer first, then why and what to do, then every link of the chain."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, ChannelPart, House, report
from flicbridge.observation import Observation, Value

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUSE = House(
    "tilleuls-1",
    "1.0",
    7,
    NOON,
    False,
    (ButtonPart("poche", "flic2", "BF12-A34567", over_radio=True, paired=True),),
    (ChannelPart("samu/0", "samu", "smsgate"),),
)
WELL: Mapping[str, Mapping[str, Value]] = {
    "radio": {"state": "scanning"},
    "button:poche": {
        "link": "up",
        "last_heard": "2026-11-22T11:59:00.000+00:00",
        "battery_mv": 2880.0,
        "battery_weeks": 9.4,
        "rssi_dbm": -63.0,
    },
    "channel:samu/0": {
        "state": "ok",
        "last_success": "2026-11-22T10:00:00.000+00:00",
        "last_failure": "2026-11-21T10:00:00.000+00:00",
        "health_state": "well",
        "health_battery_percent": 94.0,
        "health_charging": True,
    },
    "host": {
        "disk_free_mib": 2048.0,
        "memory_free_mib": 300.0,
        "temperature_c": 51.0,
        "under_voltage": False,
        "clock_synchronised": True,
    },
    "recipient:samu": {"last_ack_at": "2026-11-20T10:00:00.000+00:00"},
    "drill:own": {
        "at": "2026-11-20T11:00:00.000+00:00",
        "result": "ok",
        "detail": "",
        "due_at": "2026-11-27T11:00:00.000+00:00",
        "overdue_at": "2026-11-29T11:00:00.000+00:00",
    },
}

type Answer = Callable[..., Any]


def answer(facts: Mapping[str, Mapping[str, Value]]) -> dict[str, Any]:
    with asyncio.Runner() as runner:
        board = Board(LoopClock(runner.get_loop(), wall_at=NOON))
    for subject, known in facts.items():
        for fact, value in known.items():
            board.observe(Observation(subject, fact, value))
    return report(HOUSE, board, counts={}, open_alerts=[], now_at=NOON)


@pytest.fixture
def status(flicbridge: Answer, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Ask a bridge that is well but for what is given: `status({"radio": {"state": "off"}})`."""
    monkeypatch.setenv("COLUMNS", "200")

    def ask(wrong: Mapping[str, Mapping[str, Value]] | None = None, *options: str) -> Any:
        facts = {subject: {**known, **(wrong or {}).get(subject, {})} for subject, known in WELL.items()}
        monkeypatch.setattr("flicbridge.cli.status.ask", lambda *_: answer(facts))
        return flicbridge("status", "--config", settings, *options)

    return ask


def test_a_bridge_that_is_well_says_so_on_the_first_line(status: Answer) -> None:
    said = status()
    assert said.code == 0
    assert said.out.splitlines()[:2] == ["PROTECTED: a press calls for help", "No problem is known."]


def test_a_weakness_is_named_with_its_remedy_and_is_no_failure(status: Answer) -> None:
    said = status({"button:poche": {"battery_mv": 2700.0}})
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0].startswith(
        "REDUCED PROTECTION: a press calls for help, but something needs attention, since"
    )
    assert lines[1].startswith("button poche: battery low (2700 mV), since 2026-11-22 13:00:00")
    assert lines[2] == "  → Put in a new CR2032 battery, then press the button once to try it."


def test_a_drill_under_way_is_no_alert(
    flicbridge: Answer, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flicbridge.cli.status.ask", lambda *_: {**answer(WELL), "trials": ["ab12"]})
    said = flicbridge("status", "--config", settings)
    assert "EXERCISE under way, nobody needs help: ab12" in said.out
    assert "Open alert" not in said.out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_broken_chain_is_a_failure_for_programs_too(status: Answer, options: tuple[str, ...]) -> None:
    said = status({"channel:samu/0": {"state": "refused"}}, *options)
    assert said.code == 1
    assert ("NOT PROTECTED: a press reaches nobody, since" in said.out) == (not options)


@pytest.mark.parametrize(
    "shown",
    [
        "connected, since 2026-11-22 13:00:00",
        "2026-11-22 12:59:00",
        "2.88 V (39 %), about 9 weeks left",
        "-63 dBm (good)",
        "2026-11-22 11:00:00 2026-11-21 11:00:00 well, battery 94 %, charging",
        "this machine: 2048 MiB free on disk, 300 MiB of memory free, 51 °C, power supply well, clock kept",
        "samu 2026-11-20 11:00:00",
        "message to oneself passed 2026-11-20 12:00:00 2026-11-27 12:00:00",
    ],
)
def test_every_link_shows_what_is_known_of_it(status: Answer, shown: str) -> None:
    assert shown in " ".join(status().out.split())


def test_who_never_acknowledged_anything_is_said_so(status: Answer) -> None:
    said = status({"recipient:samu": {"last_ack_at": None}})
    assert "samu never" in " ".join(said.out.split())


def test_a_phone_that_is_not_well_shows_it(status: Answer) -> None:
    sick = {"health_state": "weak", "health_why": "battery low", "health_battery_percent": 12.0}
    said = " ".join(status({"channel:samu/0": {**sick, "health_charging": False}}).out.split())
    assert "not well, battery 12 %, not charging" in said
    assert "channel samu/0: the phone that sends its messages is not well (battery low)" in said


def test_a_bridge_of_an_older_version_is_shown_as_far_as_it_tells(
    status: Answer, flicbridge: Answer, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {k: v for k, v in answer(WELL).items() if k not in ("protection", "links", "drills")}
    monkeypatch.setattr("flicbridge.cli.status.ask", lambda *_: old)
    said = flicbridge("status", "--config", settings)
    assert said.code == 0
    assert "poche" in said.out
