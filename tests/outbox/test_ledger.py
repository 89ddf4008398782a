"""The ledger: decide, commit, believe, carry; and only then is a press safe."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from flicbridge.alert.alert import (
    AlertState,
    DeliveryState,
    Doctor,
    Happening,
    Practice,
    press_id,
)
from flicbridge.alert.desk import Desk, Identity, Mark, Press, Reaction
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import StoreError
from flicbridge.observation import Observation, Value
from flicbridge.outbox.database import Worker
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.ledger import CLOSE_AFTER, Effect, Ledger, Taken
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter

SERIAL = "BF12-A34567"
KEEP = timedelta(days=90)


@dataclass
class Hands:
    """Takes jobs, and keeps them."""

    carried: list[Job] = field(default_factory=list)

    def take(self, jobs: Iterable[Job]) -> None:
        self.carried.extend(jobs)


@dataclass
class Office:
    """A ledger with a real store, and what it handed over to be carried."""

    ledger: Ledger
    store: Store
    clock: Clock
    carried: list[Job] = field(default_factory=list)
    facts: dict[tuple[str, str], Value] = field(default_factory=dict)

    async def press(self, count: int, reaction: Reaction = Reaction.ALERT) -> Taken:
        now_at = self.clock.now_at()
        press = Press(
            press_id(SERIAL, 7, count), "button:poche", "poche", "long", reaction, now_at, now_at, False
        )
        return await self.ledger.take(press, Mark(SERIAL, Counter(7, count)), None)

    async def arrived(self, job: Job) -> None:
        now_at = self.clock.now_at()
        await self.ledger.settle(Attempt(job, DeliveryState.SENT, now_at, now_at, 0.1, ""))


async def open_office(store: Store) -> Office:
    clock = LoopClock(asyncio.get_running_loop())
    day = timedelta(days=1)
    plan = Plan((Step(timedelta(0), (Route("samu", "samu/0", day), Route("hub", "hub/0", day))),), ())
    desk = Desk(
        Identity("tilleuls-1", Doctor("Dr Anne Martin", "+33612345678"), Practice("Cabinet", "Limoges")),
        plan,
        join_within=timedelta(minutes=10),
        renotify_every=timedelta(minutes=1),
    )
    hands = Hands()
    facts: dict[tuple[str, str], Value] = {}

    def observe(o: Observation) -> None:
        facts[o.subject, o.fact] = o.value

    desk.remember(await store.standings())
    return Office(
        Ledger(desk, store, hands.take, clock=clock, observe=observe), store, clock, hands.carried, facts
    )


@pytest.fixture
async def office(store: Store) -> Office:
    return await open_office(store)


async def test_a_press_is_on_disk_before_it_is_called_safe(office: Office) -> None:
    taken = await office.press(5)
    assert taken == Taken(Effect.RAISED, press_id(SERIAL, 7, 5), safe=True)
    assert {job.id for job in await office.store.unfinished(office.clock.now_at())} == {
        job.id for job in office.carried
    }
    assert all(job.leased and job.attempts == 1 for job in office.carried)


async def test_the_same_press_seen_again_is_the_same_alert(office: Office) -> None:
    first = await office.press(5)
    again = await office.press(5)
    assert again == Taken(Effect.KNOWN, first.alert, safe=True)
    assert len(office.carried) == 2


async def test_the_same_press_seen_again_after_a_restart_is_the_same_alert(office: Office) -> None:
    first = await office.press(5)
    after = await open_office(office.store)
    assert await after.press(5) == Taken(Effect.KNOWN, first.alert, safe=True)
    assert after.carried == []
    assert (await after.press(9)).effect is Effect.JOINED


async def test_two_presses_at_the_same_instant_are_one_alert(office: Office) -> None:
    taken = await asyncio.gather(office.press(5), office.press(9))
    assert [t.effect for t in taken] == [Effect.RAISED, Effect.JOINED]
    assert len({t.alert for t in taken}) == 1


async def test_a_sick_disk_does_not_silence_the_button(office: Office) -> None:
    await office.store.close()
    taken = await office.press(5)
    assert taken == Taken(Effect.RAISED, press_id(SERIAL, 7, 5), safe=False)
    assert len(office.carried) == 2
    assert office.facts["store", "state"] == "sick"
    # The button was not acknowledged and sends the press again: it is not carried twice.
    assert await office.press(5) == Taken(Effect.KNOWN, taken.alert, safe=False)
    assert len(office.carried) == 2


type Sick = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def sick(office: Office, tmp_path: Path) -> Sick:
    """`async with sick()`: the disk refuses everything."""

    @asynccontextmanager
    async def spell() -> AsyncIterator[None]:
        healthy, gone = office.store._writer, Worker.open(tmp_path / "gone.db", "gone")
        await gone.close()
        office.store._writer = gone
        yield
        office.store._writer = healthy

    return spell


async def lines(office: Office, alert: UUID | None) -> list[tuple[str, str]]:
    """An alert's history on disk: what, and by whom."""
    assert alert is not None
    shown = await office.store.show_alert(alert)
    assert shown is not None
    return [(row["what"], row["by"]) for row in shown["history"]]


async def test_what_a_sick_disk_refused_is_saved_once_it_is_well(office: Office, sick: Sick) -> None:
    async with sick():
        assert not (await office.press(5)).safe
    await office.ledger.tidy(KEEP)
    assert office.facts["store", "state"] == "ok"
    assert [s.alert.id for s in await office.store.standings()] == [press_id(SERIAL, 7, 5)]
    assert (await office.press(5)).safe


@pytest.mark.parametrize(
    ("what", "state"),
    [
        (Happening.ACKNOWLEDGED, AlertState.ACKNOWLEDGED),
        (Happening.CANCELLED, AlertState.CANCELLED),
        (Happening.FALSE_ALARM, AlertState.FALSE_ALARM),
        (Happening.CLOSED, AlertState.CLOSED),
    ],
)
async def test_what_people_say_of_an_alert_while_the_disk_is_sick_is_saved_as_well(
    office: Office, sick: Sick, what: Happening, state: AlertState
) -> None:
    taken = await office.press(5)
    assert taken.alert is not None
    async with sick():
        assert await office.ledger.move(taken.alert, what, by="recipient:hub")
        assert office.ledger.owed == 1
    await office.ledger.pay()
    assert office.ledger.owed == 0
    assert await lines(office, taken.alert) == [("raised", "button:poche"), (what.value, "recipient:hub")]
    shown = await office.store.show_alert(taken.alert)
    assert shown is not None
    assert shown["standing"].state is state


async def test_the_same_reply_read_twice_while_the_disk_is_sick_counts_once(
    office: Office, sick: Sick
) -> None:
    taken, reply = await office.press(5), uuid4()
    assert taken.alert is not None
    async with sick():
        for _ in range(2):
            await office.ledger.move(taken.alert, Happening.ACKNOWLEDGED, by="recipient:hub", reply=reply)
    await office.ledger.pay()
    assert await lines(office, taken.alert) == [("raised", "button:poche"), ("acknowledged", "recipient:hub")]


@pytest.mark.parametrize("what", [Happening.ACKNOWLEDGED, Happening.CANCELLED])
async def test_an_outcome_written_late_does_not_undo_what_was_said_since(
    office: Office, sick: Sick, what: Happening
) -> None:
    taken = await office.press(5)
    assert taken.alert is not None
    async with sick():
        with pytest.raises(StoreError):
            await office.arrived(office.carried[0])
    assert await office.ledger.move(taken.alert, what, by="recipient:hub")
    await office.ledger.pay()
    (standing,) = await office.store.standings()
    assert standing.state.value == what.value
    after = await open_office(office.store)
    effect = Effect.JOINED if what is Happening.ACKNOWLEDGED else Effect.RAISED
    assert (await after.press(9)).effect is effect


async def test_outcomes_of_one_message_are_written_in_the_order_in_which_they_came(
    office: Office, sick: Sick
) -> None:
    taken = await office.press(5)
    job, now_at = office.carried[0], office.clock.now_at()
    async with sick():
        with pytest.raises(StoreError):
            await office.ledger.settle(Attempt(job, DeliveryState.QUEUED, now_at, now_at, 0.1, "HTTP 503"))
    await office.arrived(replace(job, attempts=2))
    assert office.ledger.owed == 0
    assert taken.alert is not None
    shown = await office.store.show_alert(taken.alert)
    assert shown is not None
    [(state, attempts)] = [(r["state"], r["attempts"]) for r in shown["deliveries"] if r["id"] == str(job.id)]
    assert (state, attempts) == ("sent", 2)
    tries = [(r["number"], r["outcome"]) for r in shown["attempts"] if r["delivery"] == str(job.id)]
    assert tries == [(1, "queued"), (2, "sent")]


async def test_nothing_comes_on_disk_before_the_press_that_it_is_about(office: Office, sick: Sick) -> None:
    async with sick():
        taken = await office.press(5)
    await office.arrived(office.carried[0])  # before anybody else noticed that the disk is well
    assert await lines(office, taken.alert) == [("raised", "button:poche"), ("notified", "recipient:samu")]
    assert {job.id for job in await office.store.unfinished(office.clock.now_at())} == {office.carried[1].id}


async def test_the_first_message_that_arrives_moves_the_alert_to_notified_once(office: Office) -> None:
    taken = await office.press(5)
    for job in office.carried:
        await office.arrived(job)
    assert taken.alert is not None
    shown = await office.store.show_alert(taken.alert)
    assert shown is not None
    assert shown["standing"].state is AlertState.NOTIFIED
    assert [(row["what"], row["by"]) for row in shown["history"]] == [
        ("raised", "button:poche"),
        ("notified", "recipient:samu"),
    ]


async def test_a_press_while_messages_arrive_loses_neither(office: Office) -> None:
    taken = await office.press(5)
    await asyncio.gather(office.press(9), office.arrived(office.carried[0]), office.press(13))
    [standing] = await office.store.standings()
    assert (standing.alert.id, standing.presses, standing.state) == (taken.alert, 3, AlertState.NOTIFIED)


async def test_cancelling_over_the_api_is_recorded_with_who_did_it(office: Office) -> None:
    taken = await office.press(5)
    assert taken.alert is not None
    assert await office.ledger.move(taken.alert, Happening.CANCELLED, by="api")
    assert not await office.ledger.move(taken.alert, Happening.CANCELLED, by="api")
    shown = await office.store.show_alert(taken.alert)
    assert shown is not None
    assert [(row["what"], row["by"]) for row in shown["history"]][-1] == ("cancelled", "api")
    assert {job.delivery.purpose.value for job in office.carried[2:]} == {"cancelled"}


async def test_a_cancel_gesture_with_nothing_open_does_nothing_and_is_safe(office: Office) -> None:
    assert await office.press(5, Reaction.CANCEL) == Taken(Effect.NOTHING, None, safe=True)
    assert (await office.store.buttons())[SERIAL].resume == Counter(7, 5)


async def test_how_far_a_button_is_settled_can_be_noted_without_a_press(office: Office) -> None:
    assert await office.ledger.note(Mark(SERIAL, Counter(7, 8)))
    assert (await office.store.buttons())[SERIAL].resume == Counter(7, 8)


async def test_an_alert_nobody_touched_for_long_is_closed_and_later_forgotten(office: Office) -> None:
    taken = await office.press(5)
    for job in office.carried:
        await office.arrived(job)
    await office.clock.sleep(CLOSE_AFTER.total_seconds() + 1)
    await office.ledger.tidy(KEEP)
    assert taken.alert is not None
    shown = await office.store.show_alert(taken.alert)
    assert shown is not None
    assert shown["standing"].state is AlertState.CLOSED
    await office.clock.sleep(KEEP.total_seconds())
    await office.ledger.tidy(KEEP)
    assert await office.store.show_alert(taken.alert) is None
