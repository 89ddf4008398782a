"""Channels in turn, reminders and the end: with a real store, and across restarts and sick disks."""

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from flicbridge.alert.alert import (
    AlertState,
    DeliveryState,
    Doctor,
    Happening,
    Practice,
    Purpose,
    press_id,
)
from flicbridge.alert.desk import Desk, Identity, Press, Reaction
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.clock import LoopClock
from flicbridge.outbox.database import migrations
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.rows import standing_row
from flicbridge.outbox.store import Store
from flicbridge.supervise import alongside

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SAMU = tuple(Route("samu", f"samu/{turn}", HOUR, turn, MINUTE) for turn in range(3))
PLAN = Plan((Step(timedelta(0), SAMU, repeat=10 * MINUTE, times=2),), (), 40 * MINUTE)


@dataclass
class Office:
    """A ledger at work, and what it handed over to be carried."""

    ledger: Ledger
    desk: Desk
    store: Store
    clock: LoopClock
    carried: list[Job] = field(default_factory=list)

    def take(self, jobs: Iterable[Job]) -> None:
        self.carried.extend(jobs)

    async def press(self, count: int = 1, reaction: Reaction = Reaction.ALERT) -> None:
        now = self.clock.reading()
        press = Press(
            press_id("S", 7, count), "button:poche", "poche", "long", reaction, now.at, now.at, False,
            received_up=now.up,
        )  # fmt: skip
        await self.ledger.take(press, None, None)

    async def settle(self, job: Job, state: DeliveryState) -> None:
        now_at = self.clock.now_at()
        await self.ledger.settle(Attempt(job, state, now_at, now_at, 0.1, state.value))

    async def states(self) -> dict[tuple[str, int], str]:
        """The state of every message on disk, by channel and number of the reminder."""
        [standing] = await self.store.list_alerts(1)
        shown = await self.store.show_alert(standing.alert.id)
        assert shown is not None
        return {(row["channel"], row["occasion"]): row["state"] for row in shown["deliveries"]}

    def channels(self) -> list[str]:
        return [job.delivery.channel for job in self.carried if job.delivery.purpose is Purpose.ALERT]


async def open_office(store: Store, clock: LoopClock) -> Office:
    desk = Desk(
        Identity("tilleuls-1", Doctor("Dr", "+33612345678"), Practice("Cabinet", "Limoges")),
        PLAN,
        join_within=10 * MINUTE,
        renotify_every=MINUTE,
    )
    desk.remember(await store.standings())
    carried: list[Job] = []
    ledger = Ledger(desk, store, carried.extend, clock=clock, observe=lambda _: None)
    return Office(ledger, desk, store, clock, carried)


@pytest.fixture
async def office(store: Store) -> Office:
    return await open_office(store, LoopClock(asyncio.get_running_loop()))


async def restarted(office: Office) -> tuple[Office, list[Job]]:
    """What another run finds, and the reminders that it need not send."""
    again = await open_office(office.store, office.clock)
    unfinished = await office.store.unfinished(office.clock.now_at())
    reserved = await office.store.reserved()
    again.ledger.turns.expect_ends()
    return again, again.ledger.turns.take_up(unfinished, reserved, PLAN.longest_wait)


async def test_what_is_in_reserve_is_on_disk_with_the_press_and_not_carried(office: Office) -> None:
    await office.press()
    assert office.channels() == ["samu/0"]
    states = await office.states()
    assert states["samu/0", 0] == "sending"
    assert states["samu/1", 0] == states["samu/2", 0] == states["samu/1", 2] == "reserve"
    assert len(states) == 3 * 3  # the message and two reminders


async def test_a_failure_for_good_releases_the_next_channel_in_the_same_commit(office: Office) -> None:
    await office.press()
    await office.settle(office.carried[0], DeliveryState.FAILED)
    states = await office.states()
    assert (states["samu/0", 0], states["samu/1", 0]) == ("failed", "queued")
    assert office.channels() == ["samu/0", "samu/1"]
    released = office.carried[-1]
    assert (released.attempts, released.leased) == (0, False)
    assert released.delivery.expires_at - released.delivery.due_at == HOUR


async def test_a_sick_disk_holds_back_no_channel(office: Office) -> None:
    await office.press()
    await office.store.close()
    with pytest.raises(Exception, match="closed"):
        await office.settle(office.carried[0], DeliveryState.FAILED)
    assert office.channels() == ["samu/0", "samu/1"]


async def test_without_an_answer_every_channel_has_its_turn_and_then_the_alert_ends(office: Office) -> None:
    async with alongside(turns=office.ledger.keep_time):
        await office.press()
        began_s = office.clock.now_s()
        while (await office.store.list_alerts(1))[0].state is not AlertState.UNANSWERED:
            await office.clock.sleep(10.0)
        assert office.clock.now_s() - began_s == pytest.approx(2400.0, abs=11.0)
        assert office.channels() == ["samu/0", "samu/1", "samu/2"]
        assert "reserve" not in (await office.states()).values()


async def test_an_answer_leaves_the_reserve_for_failures_alone(office: Office) -> None:
    async with alongside(turns=office.ledger.keep_time):
        await office.press()
        await office.ledger.move(office.carried[0].alert.id, Happening.ACKNOWLEDGED, by="api")
        await office.clock.sleep(3000.0)
        assert office.channels() == ["samu/0"]
        await office.settle(office.carried[0], DeliveryState.EXPIRED)  # who should have been told was not
        assert office.channels() == ["samu/0", "samu/1"]
        [standing] = office.desk.known
        assert standing.state is AlertState.ACKNOWLEDGED


async def test_a_cancellation_clears_the_reserve(office: Office) -> None:
    await office.press()
    await office.ledger.move(office.carried[0].alert.id, Happening.CANCELLED, by="api")
    await office.settle(office.carried[0], DeliveryState.FAILED)
    assert office.channels() == ["samu/0"]
    states = await office.states()
    assert "reserve" not in states.values()


async def test_another_run_keeps_what_was_in_reserve_and_when_its_turn_comes(office: Office) -> None:
    await office.press()
    await office.settle(office.carried[0], DeliveryState.SENT)
    await office.clock.sleep(30.0)
    again, pointless = await restarted(office)
    assert pointless == []
    async with alongside(turns=again.ledger.keep_time):
        await again.clock.sleep(29.0)
        assert again.channels() == []
        await again.clock.sleep(2.0)
        assert again.channels() == ["samu/1"]


async def test_another_run_lets_the_next_channel_take_over_from_one_that_fails_there(office: Office) -> None:
    await office.press()
    again, _ = await restarted(office)
    await again.settle(office.carried[0], DeliveryState.FAILED)
    assert again.channels() == ["samu/1"]


async def test_after_an_outage_each_channel_gets_one_message_and_the_alert_a_minute_more(
    office: Office,
) -> None:
    await office.press()
    await office.settle(office.carried[0], DeliveryState.SENT)
    await office.clock.sleep(3000.0)  # beyond the end
    again, pointless = await restarted(office)
    assert {(job.delivery.channel, job.delivery.occasion) for job in pointless} == {
        ("samu/0", 1),
        ("samu/1", 1), ("samu/1", 2),  # the message itself, in reserve until now, says more
        ("samu/2", 1), ("samu/2", 2),
    }  # fmt: skip
    async with alongside(turns=again.ledger.keep_time):
        await again.clock.sleep(59.0)
        assert again.channels()[0] == "samu/1"
        assert again.desk.known[0].state is not AlertState.UNANSWERED
        await again.clock.sleep(2.0)
        assert (await again.store.list_alerts(1))[0].state is AlertState.UNANSWERED


async def test_a_wall_clock_set_by_years_between_two_runs_ends_no_alert_early(office: Office) -> None:
    office.clock.step(-56 * 365 * 86_400)
    await office.press()
    office.clock.step(56 * 365 * 86_400)
    again, _ = await restarted(office)
    async with alongside(turns=again.ledger.keep_time):
        await again.clock.sleep(2300.0)
        assert (await again.store.list_alerts(1))[0].state is AlertState.RAISED
        await again.clock.sleep(110.0)
        assert (await again.store.list_alerts(1))[0].state is AlertState.UNANSWERED


@pytest.mark.parametrize("step_s", [2 * 86_400.0, -600.0])
async def test_an_alert_of_an_earlier_life_of_the_machine_has_the_whole_time_again(
    office: Office, step_s: float
) -> None:
    """The clock may be ahead for a moment: an alert of minutes ago is not given up for that."""
    await office.press()
    office.clock.restart()
    office.clock.step(step_s)
    again, _ = await restarted(office)
    async with alongside(turns=again.ledger.keep_time):
        await again.clock.sleep(2300.0)
        assert (await again.store.list_alerts(1))[0].state is AlertState.RAISED
        await again.clock.sleep(110.0)
        assert (await again.store.list_alerts(1))[0].state is AlertState.UNANSWERED


async def test_a_reminder_is_pointless_while_its_message_is_still_tried_on_the_same_channel(
    office: Office,
) -> None:
    await office.press()
    message = office.carried[0]
    reminder = next(job for job in office.carried if job.delivery.purpose is Purpose.REMINDER)
    assert office.ledger.is_wanted(reminder.delivery)
    await office.settle(message, DeliveryState.QUEUED)
    assert not office.ledger.is_wanted(reminder.delivery)
    assert office.ledger.is_wanted(message.delivery)
    await office.settle(message, DeliveryState.SENT)
    assert office.ledger.is_wanted(reminder.delivery)


async def test_a_test_is_never_given_up_as_unanswered(office: Office) -> None:
    async with alongside(turns=office.ledger.keep_time):
        await office.press(reaction=Reaction.TEST)
        await office.clock.sleep(5000.0)
        assert (await office.store.list_alerts(1))[0].state is AlertState.RAISED


@pytest.mark.parametrize("version", [1, 2])
async def test_a_database_from_before_there_were_turns_keeps_its_messages(
    tmp_path: Path, office: Office, version: int
) -> None:
    await office.press()
    [standing] = await office.store.standings()
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as db:
        db.executescript("".join(migrations()[:version]) + f"PRAGMA user_version = {version};")
        alert = standing_row(standing)
        known = ("id", "kind", "state", "presses", "pressed_at", "last_press_at", "told_at", "alert_json")
        db.execute(f"INSERT INTO alert VALUES ({', '.join('?' * 8)})", [alert[key] for key in known])
        waiting = (str(UUID(int=1)), alert["id"], "alert", 0, "samu", "samu/0", None, "queued", 1.0, 2.0, 3e9)
        db.execute(f"INSERT INTO delivery VALUES ({', '.join('?' * 17)})", [*waiting, 0, 0, *4 * [None]])
    db.close()
    store = Store.open(path)
    [job] = await store.unfinished(office.clock.now_at())
    assert await store.reserved() == []
    await store.close()
    delivery = job.delivery
    assert (delivery.channel, delivery.step, delivery.turn, delivery.next_after) == ("samu/0", 0, 0, None)
