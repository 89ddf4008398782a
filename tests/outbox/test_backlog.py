"""A long queue of an earlier run: the newest first, the rest as the channel gets through."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from flicbridge.alert.alert import AlertState, DeliveryState, Doctor, Practice
from flicbridge.alert.desk import Change, Desk, Identity, Press, Reaction
from flicbridge.alert.plan import Plan
from flicbridge.caretaker import AT_ONCE, FEED_EVERY_S, IN_HAND, KNOCKING, Caretaker
from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import TransientDeliveryError
from flicbridge.guard.board import Board
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.lane import Lane
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store
from flicbridge.simulator.carrier import ScriptedCarrier

OWED = 300
HOUR = timedelta(hours=1)

type MakeChange = Callable[..., Change]


@dataclass
class Work:
    """A bridge's outbox at work."""

    caretaker: Caretaker
    courier: Courier
    carrier: ScriptedCarrier
    store: Store
    ledger: Ledger
    clock: Clock
    given_up: list[Job]


def do_not_wait_for_the_disk(db: sqlite3.Connection) -> None:
    """What is tried when is the same on any disk; on a busy one, thousands of commits are not."""
    db.execute("PRAGMA synchronous = OFF")


@asynccontextmanager
async def at_work(path: Path) -> AsyncIterator[Work]:
    clock = LoopClock(asyncio.get_running_loop())
    board, store, carrier = Board(clock), Store.open_lasting(path), ScriptedCarrier(clock)
    identity = Identity(
        "tilleuls-1", Doctor("Dr Anne Martin", "+33612345678"), Practice("Cabinet", "Limoges")
    )
    desk = Desk(identity, Plan((), ()), join_within=HOUR, renotify_every=HOUR)
    ledger = Ledger(desk, store, lambda jobs: courier.hand_over(jobs), clock=clock, observe=board.observe)
    courier = Courier({"samu/0": carrier}, ledger, clock=clock, observe=board.observe)
    given_up: list[Job] = []

    async def take_up(jobs: Sequence[Job], _reserved: Sequence[Job]) -> None:
        given_up.extend(courier.hand_over(jobs, longest_wait=HOUR))

    async def take_up_more(jobs: Sequence[Job]) -> None:
        given_up.extend(courier.hand_over(jobs, longest_wait=HOUR))

    caretaker = Caretaker(
        store=store,
        desk=desk,
        ledger=ledger,
        courier=courier,
        board=board,
        clock=clock,
        keep=timedelta(days=90),
        longest_wait=HOUR,
        take_up=take_up,
        take_up_more=take_up_more,
    )
    await store._writer.run(do_not_wait_for_the_disk)
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(part()) for part in (courier.run, caretaker.feed_for_ever)]
        yield Work(caretaker, courier, carrier, store, ledger, clock, given_up)
        for task in running:
            task.cancel()
    await store.close()


@pytest.fixture
async def path(tmp_path: Path, make_change: MakeChange) -> Path:
    """A store that owes hundreds of messages, of which a hundred are not due yet."""
    store, now_at = Store.open(tmp_path / "s.db"), LoopClock(asyncio.get_running_loop()).now_at()
    whole = [
        make_change(count, now_at - timedelta(seconds=count + 1), after_s=0.001) for count in range(OWED)
    ]
    later = [make_change(count, now_at - HOUR, after_s=4000.0) for count in range(OWED, OWED + 100)]
    changes = [*whole, *later]
    await store.commit(
        Change(
            standings=tuple(replace(c.standings[0], state=AlertState.NOTIFIED) for c in changes),
            deliveries=tuple(delivery for c in changes for delivery in c.deliveries),
        ),
        now_at - 2 * HOUR,
    )
    await store.close()
    return tmp_path / "s.db"


async def test_every_message_of_a_long_queue_is_sent_once(path: Path) -> None:
    async with at_work(path) as work:
        await work.caretaker.begin()
        await work.clock.sleep(3600.0)
        keys = [key for _, key, _ in work.carrier.carried]
        assert len(keys) == len(set(keys)) == OWED + 100
        assert await work.store.unfinished(work.clock.now_at() + 30 * HOUR) == []


async def test_what_is_not_due_yet_waits(path: Path) -> None:
    async with at_work(path) as work:
        began_s = work.clock.now_s()
        await work.caretaker.begin()
        await work.clock.sleep(120.0)
        assert len(work.carrier.carried) == OWED
        await work.clock.sleep(400.0)
        assert len(work.carrier.carried) == OWED + 100
        late_s = [at_s - began_s - 400.0 for at_s, *_ in work.carrier.carried[OWED:]]
        assert -0.5 < min(late_s) < FEED_EVERY_S  # they were owed a little before the caretaker began
        assert max(late_s) < 5.0  # a batch twice as long each time


async def test_while_nothing_is_due_the_disk_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_work(path) as work:
        await work.caretaker.begin()
        await work.clock.sleep(120.0)
        asked, ask = list[int](), Store.jobs

        async def counted(store: Store, ids: Sequence[bytes]) -> list[Job]:
            asked.append(len(ids))
            return await ask(store, ids)

        monkeypatch.setattr(Store, "jobs", counted)
        await work.clock.sleep(200.0)
        assert asked == []
        await work.clock.sleep(200.0)
        assert sum(asked) == len(work.carrier.carried) - OWED == 100
        assert all(asked)


async def test_the_newest_are_taken_up_first(path: Path, make_change: MakeChange) -> None:
    async with at_work(path) as work:
        await work.caretaker.begin()
        while len(work.carrier.carried) < AT_ONCE:
            await work.clock.sleep(0.1)
        newest = {str(make_change(n, work.clock.now_at()).deliveries[0].id) for n in range(AT_ONCE)}
        assert {key for _, key, _ in work.carrier.carried[:AT_ONCE]} == newest


async def test_a_channel_that_does_not_get_through_is_not_given_the_whole_queue(path: Path) -> None:
    async with at_work(path) as work:
        work.carrier.faults = [TransientDeliveryError("no network") for _ in range(100_000)]
        await work.caretaker.begin()
        await work.clock.sleep(60.0)
        assert len({key for _, key, _ in work.carrier.carried}) <= AT_ONCE + IN_HAND
        assert work.courier.holding("samu/0") >= KNOCKING
        work.carrier.faults.clear()
        await work.clock.sleep(600.0)
        assert len({key for _, key, _ in work.carrier.carried}) == OWED + 100


async def test_a_database_that_was_only_opened_anew_brings_nothing_twice(path: Path) -> None:
    async with at_work(path) as work:
        await work.caretaker.begin()
        await work.clock.sleep(2.0)
        await work.caretaker._take_over()
        await work.clock.sleep(3600.0)
        keys = [key for _, key, _ in work.carrier.carried]
        assert len(keys) == len(set(keys)) == OWED + 100


async def test_messages_of_a_channel_that_is_gone_are_given_up_each_once(
    path: Path, make_change: MakeChange
) -> None:
    store, now_at = Store.open(path), LoopClock(asyncio.get_running_loop()).now_at()
    gone = [make_change(count, now_at - 3 * HOUR, ("gone/0",), after_s=1) for count in range(5000, 5100)]
    for change in gone:
        await store.commit(replace(change, mark=None), now_at - 3 * HOUR)
    await store.close()
    async with at_work(path) as work:
        await work.caretaker.begin()
        await work.clock.sleep(120.0)
        assert len({job.id for job in work.given_up}) == len(work.given_up) == len(gone)


async def test_a_new_alert_does_not_wait_for_what_hangs_since_an_outage(
    path: Path, make_change: MakeChange
) -> None:
    async with at_work(path) as work:
        work.carrier.hang_s = work.carrier.timeout_s = 1e6
        await work.caretaker.begin()
        await work.clock.sleep(60.0)
        hanging = len(work.carrier.carried)
        assert hanging == Lane.YOUNG.value < work.courier.holding("samu/0")
        change = make_change(7000, work.clock.now_at())
        [fresh], alert = change.deliveries, change.standings[0].alert
        work.courier.hand_over([Job(fresh, alert, attempts=1, leased=True)])
        await work.clock.sleep(0.1)
        assert [key for _, key, _ in work.carrier.carried[hanging:]] == [str(fresh.id)]


async def test_a_press_waits_for_one_write_of_the_courier_and_not_for_all_of_them(path: Path) -> None:
    async with at_work(path) as work:
        now_at = work.clock.now_at()
        failed = [
            Attempt(job, DeliveryState.QUEUED, now_at, now_at, 5.0, "no network")
            for job in await work.store.newest(now_at, 50)
        ]
        press = Press(
            uuid4(), "button:poche", "poche", "long", Reaction.ALERT, now_at, now_at, was_queued=False
        )
        async with asyncio.TaskGroup() as group:
            writes = [group.create_task(work.ledger.settle(attempt)) for attempt in failed]
            writes += [group.create_task(work.ledger.lease(attempt.job)) for attempt in failed]
            await work.clock.sleep(0)
            assert (await work.ledger.take(press, None, None)).safe
            assert sum(write.done() for write in writes) <= 3
