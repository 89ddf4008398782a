"""Every message arrives, is refused, or is given up with a reason; and nobody waits for anybody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from flicbridge.alert.alert import DeliveryState
from flicbridge.alert.desk import Change
from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError
from flicbridge.observation import Observation, Value
from flicbridge.outbox.carrier import Handed
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Job
from flicbridge.outbox.schedule import Schedule
from flicbridge.simulator.carrier import ScriptedCarrier
from flicbridge.simulator.notebook import Notebook

type MakeChange = Callable[..., Change]

NO_NETWORK = "no network"


@dataclass
class House:
    """A courier at work with its surroundings."""

    courier: Courier
    notebook: Notebook
    clock: Clock
    facts: dict[tuple[str, str], Value]

    def press(self, change: Change, *, leased: bool = True) -> None:
        alert = change.standings[0].alert
        self.courier.hand_over(
            [Job(d, alert, attempts=int(leased), leased=leased) for d in change.deliveries]
        )


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop())


@asynccontextmanager
async def at_work(clock: Clock, **carriers: ScriptedCarrier) -> AsyncIterator[House]:
    facts: dict[tuple[str, str], Value] = {}

    def observe(o: Observation) -> None:
        facts[o.subject, o.fact] = o.value

    notebook = Notebook()
    by_channel = {f"{name}/0": carrier for name, carrier in carriers.items()}
    schedule = Schedule(factor=2.0, jitter=0.0)
    courier = Courier(
        by_channel, notebook, clock=clock, observe=observe, schedule=schedule, random=lambda: 0.0
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(courier.run())
        yield House(courier, notebook, clock, facts)
        task.cancel()


async def test_a_fresh_alert_is_carried_at_once_without_a_second_commit(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock)
    async with at_work(clock, samu=samu) as house:
        change = make_change(5, clock.now_at())
        began_s = clock.now_s()
        house.press(change)
        await clock.sleep(1)
    assert [(key, n) for _, key, n in samu.carried] == [(str(change.deliveries[0].id), 1)]
    assert samu.carried[0][0] - began_s < 0.5
    assert house.notebook.leased == []
    assert house.notebook.states() == [DeliveryState.SENT]
    assert house.facts["channel:samu/0", "state"] == "ok"


async def test_a_failing_channel_is_tried_again_with_growing_waits_and_the_same_key(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=[TransientDeliveryError(NO_NETWORK)] * 4)
    async with at_work(clock, samu=samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(3600)
    gaps = [round(b[0] - a[0]) for a, b in zip(samu.carried, samu.carried[1:], strict=False)]
    assert gaps == [1, 2, 4, 8]
    assert len({key for _, key, _ in samu.carried}) == 1
    assert [n for *_, n in samu.carried] == [1, 2, 3, 4, 5] == [1, *house.notebook.leased]
    assert house.notebook.states() == [DeliveryState.QUEUED] * 4 + [DeliveryState.SENT]


async def test_a_provider_may_ask_for_a_longer_wait(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock, faults=[TransientDeliveryError("429", retry_after_s=30)])
    async with at_work(clock, samu=samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(3600)
    assert round(samu.carried[1][0] - samu.carried[0][0]) == 30


async def test_a_refusal_ends_the_delivery_with_its_reason(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock, faults=[PermanentDeliveryError("no such number")])
    async with at_work(clock, samu=samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(3600)
    assert len(samu.carried) == 1
    assert [(a.state, a.detail) for a in house.notebook.settled] == [(DeliveryState.FAILED, "no such number")]
    assert house.facts["channel:samu/0", "last_error"] == "no such number"


async def test_a_hanging_channel_delays_no_other(clock: Clock, make_change: MakeChange) -> None:
    slow, quick = ScriptedCarrier(clock, hang_s=4.0), ScriptedCarrier(clock)
    async with at_work(clock, slow=slow, quick=quick) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at(), ("slow/0", "quick/0")))
        await clock.sleep(10)
    assert quick.carried[0][0] - began_s < 0.5


async def test_old_messages_that_hang_do_not_stand_in_front_of_a_new_alert(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, hang_s=5.0)
    async with at_work(clock, samu=samu) as house:
        for count in range(1, 25, 4):
            house.press(make_change(count, clock.now_at()))
        await clock.sleep(0.1)
        began_s = clock.now_s()
        house.press(make_change(101, clock.now_at()))
        await clock.sleep(60)
    assert samu.carried[6][0] - began_s < 0.5


async def test_a_carrier_that_never_returns_is_given_up_on_and_tried_again(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, hang_s=1e9, timeout_s=5.0)
    async with at_work(clock, samu=samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(12)
        assert [a.state for a in house.notebook.settled] == [DeliveryState.QUEUED]
        assert "no answer within 10 s" in house.notebook.settled[0].detail
        assert len(samu.carried) == 2


async def test_a_fault_inside_a_transport_does_not_end_its_channel(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock, faults=[KeyError("a stranger's bug")])
    async with at_work(clock, samu=samu) as house:
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(60)
    assert house.notebook.states() == [DeliveryState.QUEUED, DeliveryState.SENT]
    assert house.notebook.settled[0].detail == "KeyError inside the transport"


async def test_a_fault_of_our_own_loses_no_message(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock)
    async with at_work(clock, samu=samu) as house:
        house.notebook.broken = True
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(60)
    assert len(samu.carried) == 1
    assert house.notebook.states()[-1] is DeliveryState.SENT


async def test_a_sick_disk_does_not_silence_the_courier(clock: Clock, make_change: MakeChange) -> None:
    samu = ScriptedCarrier(clock, faults=[TransientDeliveryError(NO_NETWORK)])
    async with at_work(clock, samu=samu) as house:
        house.notebook.sick = True
        house.press(make_change(5, clock.now_at()))
        await clock.sleep(60)
    assert len(samu.carried) == 2


async def test_a_message_is_given_up_when_it_is_pointless_but_never_untried(
    clock: Clock, make_change: MakeChange
) -> None:
    faults: list[Exception] = [TransientDeliveryError(NO_NETWORK)] * 99
    samu, old = ScriptedCarrier(clock, faults=faults), ScriptedCarrier(clock)
    async with at_work(clock, samu=samu, old=old) as house:
        house.press(make_change(5, clock.now_at(), expires_s=20))
        long_ago = make_change(9, clock.now_at() - timedelta(days=3), ("old/0",), expires_s=20)
        house.press(long_ago, leased=False)
        await clock.sleep(3600)
    assert len(old.carried) == 1
    expired = [a for a in house.notebook.settled if a.state is DeliveryState.EXPIRED]
    assert [a.detail for a in expired] == ["given up after 5 tries"]


async def test_what_was_answered_meanwhile_is_withdrawn(clock: Clock, make_change: MakeChange) -> None:
    colleague = ScriptedCarrier(clock)
    async with at_work(clock, colleague=colleague) as house:
        house.press(make_change(5, clock.now_at(), ("colleague/0",), after_s=60), leased=False)
        await clock.sleep(30)
        house.notebook.unwanted.add("colleague/0")
        await clock.sleep(60)
    assert colleague.carried == []
    assert house.notebook.states() == [DeliveryState.WITHDRAWN]


async def test_a_later_step_is_carried_when_its_time_has_come(clock: Clock, make_change: MakeChange) -> None:
    colleague = ScriptedCarrier(clock)
    async with at_work(clock, colleague=colleague) as house:
        began_s = clock.now_s()
        house.press(make_change(5, clock.now_at(), ("colleague/0",), after_s=60), leased=False)
        await clock.sleep(3600)
    assert round(colleague.carried[0][0] - began_s) == 60


async def test_what_a_wrong_clock_dated_far_ahead_is_due_at_once(
    clock: Clock, make_change: MakeChange
) -> None:
    samu = ScriptedCarrier(clock)
    async with at_work(clock, samu=samu) as house:
        change = make_change(5, clock.now_at() + timedelta(days=3))
        job = Job(change.deliveries[0], change.standings[0].alert)
        began_s = clock.now_s()
        house.courier.hand_over([job], longest_wait=timedelta(minutes=10))
        await clock.sleep(60)
    assert samu.carried[0][0] - began_s < 0.5


async def test_a_message_for_a_channel_that_is_gone_is_handed_back(
    clock: Clock, make_change: MakeChange
) -> None:
    async with at_work(clock, samu=ScriptedCarrier(clock)) as house:
        change = make_change(5, clock.now_at(), ("gone/0",))
        job = Job(change.deliveries[0], change.standings[0].alert)
        assert house.courier.hand_over([job]) == [job]


async def test_a_sent_message_is_followed_until_it_is_on_the_handset(
    clock: Clock, make_change: MakeChange
) -> None:
    answers: list[Handed | Exception] = [
        Handed(DeliveryState.SENT),
        TransientDeliveryError("cannot ask"),
        Handed(DeliveryState.DELIVERED),
    ]
    phone = ScriptedCarrier(clock, follows=True, answers=answers)
    async with at_work(clock, phone=phone) as house:
        house.press(make_change(5, clock.now_at(), ("phone/0",)))
        await clock.sleep(3600)
    assert len(phone.carried) == 1
    assert len(phone.polled) == 3
    assert house.notebook.states() == [DeliveryState.SENT, DeliveryState.DELIVERED]


async def test_following_ends_when_nobody_will_ever_know(clock: Clock, make_change: MakeChange) -> None:
    phone = ScriptedCarrier(clock, follows=True)
    async with at_work(clock, phone=phone) as house:
        house.press(make_change(5, clock.now_at(), ("phone/0",)))
        await clock.sleep(86_400)
    assert 10 < len(phone.polled) < 100
    assert phone.polled[-1][0] - phone.carried[0][0] < 2 * 3600


async def test_a_message_that_the_provider_failed_later_is_sent_anew_under_a_new_key(
    clock: Clock, make_change: MakeChange
) -> None:
    answers: list[Handed | Exception] = [
        TransientDeliveryError("the phone failed it", resend_as_new=True),
        Handed(DeliveryState.DELIVERED),
    ]
    phone = ScriptedCarrier(clock, follows=True, answers=answers)
    async with at_work(clock, phone=phone) as house:
        change = make_change(5, clock.now_at(), ("phone/0",))
        house.press(change)
        await clock.sleep(3600)
    key = str(change.deliveries[0].id)
    assert [k for _, k, _ in phone.carried] == [key, f"{key}-1"]
    assert house.notebook.states() == [
        DeliveryState.SENT,
        DeliveryState.QUEUED,
        DeliveryState.SENT,
        DeliveryState.DELIVERED,
    ]


async def test_following_goes_on_after_a_restart(clock: Clock, make_change: MakeChange) -> None:
    phone = ScriptedCarrier(clock, follows=True, answers=[Handed(DeliveryState.DELIVERED)])
    async with at_work(clock, phone=phone) as house:
        change = make_change(5, clock.now_at(), ("phone/0",))
        job = replace(Job(change.deliveries[0], change.standings[0].alert, attempts=1), provider_id="p1")
        house.courier.hand_over([job])
        await clock.sleep(60)
    assert phone.carried == []
    assert house.notebook.states() == [DeliveryState.DELIVERED]
