"""Incidents are counted and dated however many there are, and logged only now and then."""

import asyncio
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.observation import Observation, Value
from flicbridge.press.facts import Facts
from flicbridge.press.incidents import Incident, Incidents, Seldom, Surge


class Ledger:
    """What was told and what was logged."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self.told: dict[str, Value] = {}
        self.lines: list[dict[str, Any]] = []
        self.incidents = Incidents(Facts("button:poche", self._observe), self._warn, clock)

    def _observe(self, said: Observation) -> None:
        self.told[said.fact] = said.value

    def _warn(self, event: str, **facts: Any) -> None:
        self.lines.append({"event": event, **facts})


@pytest.fixture
async def ledger() -> Ledger:
    return Ledger(LoopClock(asyncio.get_running_loop()))


async def test_an_incident_has_a_count_a_beginning_and_a_last_detail(ledger: Ledger) -> None:
    ledger.incidents.note(Incident.IMPOSTOR, "button_not_authentic", "not_genuine")
    began = ledger.told["impostor_since"]
    await ledger.clock.sleep(60)
    ledger.incidents.note(Incident.IMPOSTOR, "button_not_authentic", "quick_verify_signature", times=4)
    assert ledger.told == {
        "impostor": 5,
        "impostor_since": began,
        "impostor_detail": "quick_verify_signature",
    }


async def test_a_thousand_incidents_are_a_few_lines_and_the_next_line_says_how_many_are_missing(
    ledger: Ledger,
) -> None:
    for _ in range(1000):
        ledger.incidents.note(Incident.TAMPERING, "button_not_authentic", "packet_signature")
    assert [line["times"] for line in ledger.lines] == [1, 2, 3, 4, 5]
    await ledger.clock.sleep(Seldom.STRETCH_S)
    ledger.incidents.note(Incident.TAMPERING, "button_not_authentic", "packet_signature")
    assert ledger.lines[-1] == {
        "event": "button_not_authentic",
        "detail": "packet_signature",
        "times": 1001,
        "unsaid": 995,
    }


def test_one_kind_of_line_does_not_keep_another_from_being_written() -> None:
    seldom = Seldom(burst=1)
    assert [seldom.due(line, 0.0) for line in ("up", "up", "lost", "lost")] == [0, None, 0, None]
    assert [seldom.due(line, 601.0) for line in ("up", "up", "lost")] == [1, None, 1]


def test_much_in_a_short_time_is_a_surge_and_the_same_in_a_long_time_is_none() -> None:
    surge = Surge(many=10, stretch_s=10.0)
    assert [surge.add(1, at_s / 2) for at_s in range(20)] == [0] * 20
    assert surge.add(0, 10.0) == 20
    assert [surge.add(1, 10.0 + at_s) for at_s in range(1000)] == [0] * 1000


def test_the_end_of_a_surge_is_told_however_late_anybody_asks() -> None:
    surge = Surge(many=10, stretch_s=10.0)
    surge.add(500, 0.0)
    assert surge.add(0, 3600.0) == 500
    assert surge.add(0, 7200.0) == 0
