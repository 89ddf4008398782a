"""New hope: a network that is back, a channel that works again; and who is told when one does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from flicbridge.alert.alert import DeliveryState
from flicbridge.alert.desk import Change
from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import Failure, PermanentDeliveryError, TransientDeliveryError
from flicbridge.observation import Observation, Value
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Job
from flicbridge.outbox.schedule import Schedule
from flicbridge.simulator.carrier import ScriptedCarrier
from flicbridge.simulator.notebook import Notebook

type MakeChange = Callable[..., Change]

MINUTE = Schedule(first_s=60.0, soon_longest_s=60.0, jitter=0.0)
NO_NETWORK = "no network"


def failing(times: int) -> list[Exception]:
    return [TransientDeliveryError(NO_NETWORK)] * times


@dataclass
class House:
    courier: Courier
    notebook: Notebook
    clock: Clock
    facts: dict[str, Value]

    def press(self, change: Change, *, leased: bool = True, in_turn: bool = False) -> None:
        alert = change.standings[0].alert
        lasts = timedelta(seconds=60) if in_turn else None
        self.courier.hand_over(
            Job(replace(d, next_after=lasts), alert, attempts=int(leased), leased=leased)
            for d in change.deliveries
        )


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop())


@asynccontextmanager
async def at_work(clock: Clock, samu: ScriptedCarrier, schedule: Schedule = MINUTE) -> AsyncIterator[House]:
    facts: dict[str, Value] = {}

    def observe(o: Observation) -> None:
        facts[o.fact] = o.value

    notebook = Notebook()
    courier = Courier(
        {"samu/0": samu}, notebook, clock=clock, observe=observe, schedule=schedule, random=lambda: 0.0
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(courier.run())
        yield House(courier, notebook, clock, facts)
        task.cancel()


def times_s(carrier: ScriptedCarrier, began_s: float) -> list[int]:
    return [round(at_s - began_s) for at_s, *_ in carrier.carried]


async def test_what_failed_before_is_tried_at_once_and_then_at_the_pace_of_a_first_failure(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(8))
    async with at_work(clock, samu, Schedule(factor=2.0, soon_longest_s=60.0, jitter=0.0)) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(40)
        house.courier.hurry()
        await clock.sleep(3600)
    assert times_s(samu, began_s) == [0, 1, 3, 7, 15, 31, 40, 41, 43]


async def test_a_later_step_of_the_plan_is_not_brought_forward(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock)
    async with at_work(clock, samu) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at(), after_s=300), leased=False)
        await clock.sleep(10)
        house.courier.hurry()
        await clock.sleep(3600)
    assert times_s(samu, began_s) == [300]


async def test_who_asked_not_to_be_tried_is_not_tried(clock: Clock, make_change: MakeChange) -> None:
    busy = TransientDeliveryError("429", retry_after_s=120, rate_limited=True)
    samu = ScriptedCarrier(clock, faults=[busy])
    async with at_work(clock, samu) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(10)
        house.courier.hurry()
        await clock.sleep(3600)
    assert times_s(samu, began_s) == [0, 120]
    assert house.notebook.settled[0].failure is Failure.RATE_LIMITED


async def test_a_try_that_began_before_there_was_hope_is_repeated_at_once(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(1), hang_s=4.0)
    async with at_work(clock, samu) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(2)
        house.courier.hurry()
        await clock.sleep(3600)
    assert times_s(samu, began_s) == [0, 4]


async def test_one_success_brings_everything_else_that_waits_on_the_channel(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(3))
    async with at_work(clock, samu) as house:
        began_s = clock.now_s()
        for count in (1, 5, 9):
            house.press(make_change(count, clock.now_at()))
        await clock.sleep(10)
        house.press(make_change(13, clock.now_at()))
        await clock.sleep(3600)
    assert times_s(samu, began_s) == [0, 0, 0, 10, 10, 10, 10]


async def test_time_spent_hanging_counts_as_time_spent_waiting(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock, faults=failing(2), hang_s=4.0)
    async with at_work(clock, samu, Schedule(first_s=10.0, factor=1.0, jitter=0.0)) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(3600)
    assert times_s(samu, began_s) == [0, 10, 20]


async def test_an_open_circuit_holds_back_no_new_alert(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock, faults=failing(10_000))
    async with at_work(clock, samu, Schedule(jitter=0.0)) as house:
        for count in range(1, 200, 4):
            house.press(make_change(count, clock.now_at()))
        await clock.sleep(600)
        assert house.facts["circuit"] == "open"
        samu.hang_s = 5.0
        await clock.sleep(60)
        tried, began_s = len(samu.carried), clock.now_s()
        change = make_change(1001, clock.now_at())
        house.press(change)
        await clock.sleep(0.1)
        assert [key for at_s, key, _ in samu.carried[tried:] if at_s - began_s < 0.1] == [
            str(change.deliveries[0].id)
        ]


async def test_old_messages_knock_one_at_a_time_on_a_door_that_nobody_opens(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(10_000), hang_s=3.0)
    async with at_work(clock, samu, Schedule(jitter=0.0)) as house:
        for count in range(1, 80, 4):
            house.press(make_change(count, clock.now_at()))
        await clock.sleep(300)
        began_s, tried = clock.now_s(), len(samu.carried)
        await clock.sleep(30)
    assert 8 <= len(samu.carried) - tried <= 11
    assert clock.now_s() - began_s >= 30


async def test_while_a_channel_fails_the_next_one_of_its_recipient_gets_its_turn(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(9))
    async with at_work(clock, samu, Schedule(jitter=0.0)) as house:
        house.press(make_change(5, clock.now_at()), in_turn=True)
        await clock.sleep(0.5)
        assert house.notebook.fell_over == []  # one failure is noise
        await clock.sleep(1)
        assert [delivery.channel for delivery in house.notebook.fell_over] == ["samu/0"]
        house.press(make_change(9, clock.now_at()), in_turn=True)
        await clock.sleep(0.01)
        assert len(house.notebook.fell_over) >= 2  # at once, for this one is known not to work


async def test_a_message_that_was_taken_and_failed_later_gives_the_next_channel_its_turn(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, follows=True)
    samu.answers = [TransientDeliveryError("no service", resend_as_new=True)]
    async with at_work(clock, samu) as house:
        house.press(make_change(5, clock.now_at()), in_turn=True)
        await clock.sleep(10)
        assert len(house.notebook.fell_over) == 1
        assert house.facts["state"] == "failing"


async def test_where_all_channels_are_used_at_once_nobody_falls_over(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(9))
    async with at_work(clock, samu, Schedule(jitter=0.0)) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(60)
    assert house.notebook.fell_over == []


@pytest.mark.parametrize(
    ("error", "failure", "state"),
    [
        (TransientDeliveryError("x"), Failure.TEMPORARY, DeliveryState.QUEUED),
        (TransientDeliveryError("x", may_have_arrived=True), Failure.UNKNOWN, DeliveryState.QUEUED),
        (TransientDeliveryError("x", rate_limited=True), Failure.RATE_LIMITED, DeliveryState.QUEUED),
        (KeyError("a stranger's bug"), Failure.UNKNOWN, DeliveryState.QUEUED),
        (PermanentDeliveryError("x"), Failure.PERMANENT, DeliveryState.FAILED),
    ],
)
async def test_every_failure_is_written_down_by_its_kind(
    clock: Clock, make_change: MakeChange, error: Exception, failure: Failure, state: DeliveryState
) -> None:
    samu = ScriptedCarrier(clock, faults=[error])
    async with at_work(clock, samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(1)
    assert [(a.failure, a.state) for a in house.notebook.settled] == [(failure, state)]


async def test_what_nobody_needs_any_more_is_not_said_to_be_tried_next(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=failing(1))
    async with at_work(clock, samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(1)
        assert house.facts["next_try_at"] is not None
        house.notebook.unwanted.add("samu/0")
        await clock.sleep(62)
        assert len(samu.carried) == 1
        assert house.facts["next_try_at"] is None


async def test_the_circuit_is_seen_from_outside(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock, faults=failing(4))
    async with at_work(clock, samu, Schedule(jitter=0.0)) as house:
        await clock.sleep(0.1)
        assert house.facts["circuit"] == "closed"
        pressed_at = clock.now_at()
        house.press(make_change(5, pressed_at))
        await clock.sleep(3)
        assert house.facts["circuit"] == "open"
        assert house.facts["failures_in_a_row"] == 3
        assert abs((clock.now_at() - pressed_at).total_seconds() - 3) < 0.1
        assert str(house.facts["failing_since"]) <= (pressed_at + timedelta(seconds=1)).isoformat()
        assert str(house.facts["next_try_at"]) > clock.now_at().isoformat()
        await clock.sleep(60)
        assert house.facts["circuit"] == "closed"
        assert house.facts["failing_since"] is None
        assert house.facts["next_try_at"] is None
