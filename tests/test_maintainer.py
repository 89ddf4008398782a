"""Whoever looks after a bridge is told what is wrong with it, whatever becomes of a channel meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from flicbridge.channel import TransportCarrier, Words
from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.maintainer import Maintainer
from flicbridge.observation import Observation, Value
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.gateways.fault import Fault
from flicbridge.supervise import alongside
from flicbridge.transport.base import Context
from flicbridge.transport.http import HttpOptions, HttpTransport
from flicbridge.transport.notice import House

SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FULL: dict[str, Any] = {"part": "store", "problem": "disk_full", "since": "2026-11-22T12:00:00.000+00:00"}
STUCK: dict[str, Any] = {"part": "bridge", "problem": "pipeline_stuck", "since": None}
CLOCK: dict[str, Any] = {"part": "clock", "problem": "clock_wrong", "since": None}
PEOPLE = ("Martin", "Tilleuls,", "+33", "code 4321")
HOUR_S = 3600.0


@dataclass
class Watched:
    """A bridge with two channels to its maintainer, and what is wrong with it."""

    clock: LoopClock
    first: FakeHttp
    second: FakeHttp
    carriers: dict[str, TransportCarrier]
    board: Board
    problems: list[dict[str, Any]] = field(default_factory=list)
    because: list[str] = field(default_factory=list)
    doctor: frozenset[str] = frozenset()
    is_both: bool = False
    asked: int = 0

    async def status(self) -> dict[str, Any]:
        self.asked += 1
        state = "not_protected" if self.because else "degraded"
        protection = {"state": state, "since": None, "because": self.because}
        return {"problems": list(self.problems), "protection": protection}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the maintainer's part, anew each time."""
        house = House("tilleuls-1", "fr", "Europe/Paris")
        doctor = {channel: self.carriers[channel] for channel in self.doctor}
        others = {c: carrier for c, carrier in self.carriers.items() if self.is_both or c not in doctor}
        maintainer = Maintainer(house, others, self.board, self.clock, doctor)
        async with alongside(maintainer=lambda: maintainer.watch(self.status)):
            yield

    def restart(self) -> None:
        """Begin again with what the store remembers."""
        board = Board(self.clock)
        board.remember(self.board.changed())
        self.board = board


def told(gateway: FakeHttp) -> list[tuple[str, bool]]:
    """What arrived: the problem, and whether it is over."""
    return [
        (item["problem"], item["over"]) for hook in gateway.received for item in hook.event["data"]["news"]
    ]


async def carrier_to(gateway: FakeHttp, stack: AsyncExitStack, clock: LoopClock) -> TransportCarrier:
    options = HttpOptions(transport="http", url=gateway.url, secret="key")
    transport = HttpTransport(options, Context(lambda _: SIGNING_KEY, clock, "tilleuls-1"))
    await stack.enter_async_context(transport)
    return TransportCarrier(transport, Words("fr", "Europe/Paris", timedelta(seconds=60)), clock)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    clock = LoopClock(asyncio.get_running_loop())
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(FakeHttp(secret=SIGNING_KEY, clock=clock)) for _ in range(2)
        ]
        gateways = {"garage/0": first, "garage/1": second}
        carriers = {name: await carrier_to(gateway, stack, clock) for name, gateway in gateways.items()}
        yield Watched(clock, first, second, carriers, Board(clock))


async def test_each_fault_is_told_once_on_every_channel_and_so_is_its_end(watched: Watched) -> None:
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(2 * HOUR_S)
        watched.problems = [FULL, CLOCK]
        await watched.clock.sleep(HOUR_S)
        watched.problems = [CLOCK]
        await watched.clock.sleep(HOUR_S)
        watched.problems = []
        await watched.clock.sleep(HOUR_S)
    story = [("disk_full", False), ("clock_wrong", False), ("disk_full", True), ("clock_wrong", True)]
    assert told(watched.first) == told(watched.second) == story
    assert watched.first.duplicates == watched.second.duplicates == 0


async def test_a_notice_is_about_the_bridge_and_nobody(watched: Watched) -> None:
    async with watched.running():
        watched.problems = [{**FULL, "detail": "/home/martin/flicbridge.db", "people": PEOPLE}]
        await watched.clock.sleep(60)
    (hook,) = watched.first.received
    text = hook.body.decode()
    assert "tilleuls-1" in text
    assert not [word for word in (*PEOPLE, "martin") if word in text]
    data = hook.event["data"]
    assert data.keys() == {"kind", "bridge", "part", "problem", "over", "since", "news"}


async def test_a_channel_that_fails_is_tried_again_under_the_same_key_until_it_works(
    watched: Watched,
) -> None:
    async with watched.running():
        watched.first.fault = Fault(kind="drop_reply")  # it has it, and we cannot know
        watched.problems = [FULL]
        await watched.clock.sleep(HOUR_S)
        tries = watched.first.attempts
        watched.first.fault = None
        await watched.clock.sleep(HOUR_S)
    assert told(watched.first) == [("disk_full", False)]
    assert 5 < tries < 30  # soon again, then a few times an hour
    assert watched.first.duplicates == tries
    assert watched.first.attempts == tries + 1


async def test_a_channel_that_hangs_holds_up_neither_the_other_nor_the_next_look(watched: Watched) -> None:
    watched.first.fault = Fault(kind="hang")
    async with watched.running():
        watched.problems = [FULL]
        await watched.second.wait_for(1, within_s=31)
        watched.problems = [FULL, CLOCK]
        await watched.second.wait_for(2, within_s=31)
        asked = watched.asked
        await watched.clock.sleep(300)
        assert 9 <= watched.asked - asked <= 11
    assert watched.first.received == []


async def test_a_refused_notice_is_not_tried_again(watched: Watched) -> None:
    watched.first.fault = Fault(kind="status", status=403)
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(5 * HOUR_S)
    assert watched.first.attempts == 1
    assert told(watched.second) == [("disk_full", False)]


async def test_what_becomes_of_a_notice_shows_as_of_a_message(watched: Watched) -> None:
    watched.first.fault = Fault(kind="status", status=503)
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(40)
        failing = watched.board.facts("channel:garage/0")
        assert (failing["state"], failing["last_error"]) == ("failing", "HTTP 503 Service Unavailable")
        await watched.clock.sleep(HOUR_S)
        still = watched.board.facts("channel:garage/0")
        assert still["failing_since"] == failing["failing_since"] == failing["last_failure"]
        assert str(still["last_failure"]) > str(failing["last_failure"])
        watched.first.fault = None
        await watched.clock.sleep(HOUR_S)
    found = watched.board.facts("channel:garage/0")
    assert (found["state"], found["last_error"], found["failing_since"]) == ("ok", None, None)
    assert str(found["last_success"]) > str(found["last_failure"])
    assert watched.board.facts("channel:garage/1").keys() >= {"state", "last_success"}


async def test_a_notice_that_is_taken_does_not_speak_for_an_alert_that_was_not(watched: Watched) -> None:
    said: dict[str, Value] = {
        "state": "refused",
        "last_error": "HTTP 400 Bad Request",
        "failures_in_a_row": 1.0,
    }
    for fact, value in said.items():
        watched.board.observe(Observation("channel:garage/0", fact, value))
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(HOUR_S)
    assert told(watched.first) == [("disk_full", False)]
    assert watched.board.facts("channel:garage/0") == said


async def test_a_channel_that_asks_for_patience_gets_it(watched: Watched) -> None:
    watched.first.fault = Fault(kind="status", status=429, retry_after=timedelta(seconds=290), times=1)
    async with watched.running():
        watched.problems = [FULL]
        await watched.second.wait_for(1, within_s=40)
        asked_s = watched.second.received[0].at_s
        await watched.first.wait_for(1, within_s=HOUR_S)
        assert watched.first.received[0].at_s - asked_s >= 289


async def test_nothing_is_tried_for_longer_than_a_day(watched: Watched) -> None:
    watched.first.fault = Fault(kind="refuse")
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(25 * HOUR_S)
        watched.problems = []
        await watched.clock.sleep(60)
        watched.first.fault = None
        await watched.clock.sleep(2 * HOUR_S)
    # The second day's notice of the same fault, and its end; the first day's is history.
    assert told(watched.first) == [("disk_full", False), ("disk_full", True)]


async def test_an_all_clear_never_overtakes_its_fault(watched: Watched) -> None:
    watched.first.fault = Fault(kind="refuse")
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(HOUR_S)
        watched.problems = []
        await watched.clock.sleep(60)
        watched.first.fault = None
        await watched.clock.sleep(HOUR_S)
    assert told(watched.first) == [("disk_full", False), ("disk_full", True)]


async def test_a_fault_that_flaps_all_day_makes_no_storm(watched: Watched) -> None:
    async with watched.running():
        for step in range(10 * 60):
            watched.problems = [FULL] if step % 2 else []
            await watched.clock.sleep(120)
    assert told(watched.first) == [("disk_full", False), ("disk_full", True)]


async def test_what_was_told_is_not_told_again_by_the_next_run_and_what_reached_nobody_is(
    watched: Watched,
) -> None:
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(60)
        for gateway in (watched.first, watched.second):
            gateway.fault = Fault(kind="refuse")
        watched.problems = [FULL, CLOCK]
        await watched.clock.sleep(60)
    watched.restart()
    for gateway in (watched.first, watched.second):
        gateway.fault = None
    async with watched.running():
        await watched.clock.sleep(HOUR_S)
        watched.problems = [CLOCK]
        await watched.clock.sleep(120)
    assert told(watched.first) == [("disk_full", False), ("clock_wrong", False), ("disk_full", True)]


async def test_the_doctor_is_told_that_no_press_gets_through_and_nothing_else(watched: Watched) -> None:
    watched.doctor = frozenset({"garage/1"})
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(HOUR_S)
        watched.problems = [FULL, STUCK]
        watched.because = ["bridge/pipeline_stuck"]
        await watched.clock.sleep(HOUR_S)
        watched.problems, watched.because = [FULL], []
        await watched.clock.sleep(HOUR_S)
    assert told(watched.second) == [("not_protected", False), ("not_protected", True)]
    of_parts = [("disk_full", False), ("pipeline_stuck", False), ("pipeline_stuck", True)]
    assert sorted(told(watched.first)) == sorted([*of_parts, *told(watched.second)])


async def test_what_only_the_maintainer_is_told_has_not_reached_anybody_because_the_doctor_has_the_verdict(
    watched: Watched,
) -> None:
    watched.doctor = frozenset({"garage/1"})
    watched.first.fault = Fault(kind="refuse")
    async with watched.running():
        watched.problems, watched.because = [STUCK], ["bridge/pipeline_stuck"]
        await watched.clock.sleep(300)
    assert told(watched.second) == [("not_protected", False)]
    watched.restart()
    watched.first.fault = None
    async with watched.running():
        await watched.clock.sleep(HOUR_S)
    assert ("pipeline_stuck", False) in told(watched.first)


async def test_who_is_both_is_told_everything_once(watched: Watched) -> None:
    watched.doctor, watched.is_both = frozenset({"garage/0"}), True
    async with watched.running():
        watched.problems, watched.because = [STUCK], ["bridge/pipeline_stuck"]
        await watched.clock.sleep(HOUR_S)
    assert sorted(told(watched.first)) == [("not_protected", False), ("pipeline_stuck", False)]


async def test_what_cannot_be_sent_does_not_hold_up_graver_news(watched: Watched) -> None:
    watched.first.fault = Fault(kind="status", status=503, times=1)
    async with watched.running():
        watched.problems = [FULL]
        await watched.clock.sleep(31)
        watched.problems, watched.because = [FULL, STUCK], ["bridge/pipeline_stuck"]
        await watched.clock.sleep(HOUR_S)
    assert set(told(watched.first)) == {
        ("disk_full", False),
        ("pipeline_stuck", False),
        ("not_protected", False),
    }
