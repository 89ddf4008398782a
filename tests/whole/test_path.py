"""From what a button says to the ledger and back: nothing is acknowledged before it is on disk."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from flicbridge.alert.alert import Doctor, Practice, press_id
from flicbridge.alert.desk import Desk, Identity, Reaction
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.clock import Clock, LoopClock
from flicbridge.gesture import GestureTable
from flicbridge.gesture.table import COMMON
from flicbridge.observation import Observation
from flicbridge.outbox.job import Job
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store
from flicbridge.path import ButtonPath, Fingers
from flicbridge.press import ButtonEvent, Counter, EventKind
from flicbridge.press.source import Hear, LinkUp
from flicbridge.supervise import alongside

SERIAL = "BF12-A34567"


@dataclass
class Hands:
    """Takes jobs, and keeps them."""

    carried: list[Job] = field(default_factory=list)

    def take(self, jobs: Iterable[Job]) -> None:
        self.carried.extend(jobs)


@dataclass
class Wire:
    """A button on a wire: says what it is told to say, and notes what is acknowledged."""

    clock: Clock
    acknowledged: list[int] = field(default_factory=list)
    boot_id: int = 7
    hear: Hear | None = None

    async def run(self, hear: Hear) -> None:
        self.hear = hear
        await asyncio.Event().wait()

    def acknowledge(self, counter: Counter) -> None:
        self.acknowledged.append(counter.event_count)

    def connect(self, clock_s: float) -> None:
        assert self.hear is not None
        self.hear(LinkUp("poche", self.boot_id, clock_s, self.clock.now_s()))

    def say(self, kind: EventKind, count: int, at_s: float, *, age_s: float = 0.0) -> None:
        assert self.hear is not None
        counter = Counter(self.boot_id, count)
        self.hear(ButtonEvent("poche", SERIAL, kind, at_s, counter, age_s > 0, age_s, self.clock.now_s()))


@dataclass
class Work:
    """A path at work with everything real behind it."""

    wire: Wire
    store: Store
    clock: Clock
    carried: list[Job]


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[Work]:
    clock = LoopClock(asyncio.get_running_loop())
    store = Store.open(tmp_path / "s.db")
    plan = Plan((Step(timedelta(0), (Route("hub", "hub/0", timedelta(days=1)),)),), ())
    desk = Desk(
        Identity("b", Doctor("Dr", "+33612345678"), Practice("P", "A")),
        plan,
        join_within=timedelta(0),
        renotify_every=timedelta(0),
    )
    hands = Hands()

    def observe(_: Observation) -> None: ...

    ledger = Ledger(desk, store, hands.take, clock=clock, observe=observe)
    gestures = {name: COMMON[name] for name in ("single", "double")}
    reactions = dict.fromkeys(gestures, Reaction.ALERT)
    fingers = Fingers("poche", GestureTable(gestures), reactions, allowance_s=0.3, queue_silence_s=6.0)
    wire = Wire(clock)
    path = ButtonPath(fingers, wire, ledger, lambda: None, clock=clock, observe=observe)
    async with alongside(listen=path.listen, carry=path.carry):
        await clock.sleep(0.01)
        wire.connect(100.0)
        yield Work(wire, store, clock, hands.carried)
    await store.close()


async def resume(work: Work) -> int | None:
    record = (await work.store.buttons()).get(SERIAL)
    return record.resume.event_count if record and record.resume else None


async def test_a_press_is_acknowledged_once_it_is_on_disk(work: Work) -> None:
    work.wire.say(EventKind.DOWN, 1, 100.0)
    work.wire.say(EventKind.UP, 3, 100.1)
    await work.clock.sleep(0.2)
    assert work.wire.acknowledged == []  # it may still become a double press
    assert await resume(work) is None
    work.wire.say(EventKind.STILL, 4, 100.5)
    await work.clock.sleep(0.1)
    assert work.wire.acknowledged == [4]
    assert await resume(work) == 4
    assert [job.alert.id for job in work.carried] == [press_id(SERIAL, 7, 1)]


async def test_a_press_that_could_not_be_written_is_sent_and_not_acknowledged(work: Work) -> None:
    await work.store.close()
    work.wire.say(EventKind.DOWN, 1, 100.0)
    work.wire.say(EventKind.UP, 3, 100.1)
    work.wire.say(EventKind.STILL, 4, 100.5)
    await work.clock.sleep(1)
    assert len(work.carried) == 1
    assert work.wire.acknowledged == []


async def test_silence_decides_when_the_button_says_nothing_more(work: Work) -> None:
    """The link died after the press: a timer of ours decides, late enough that no packet is overtaken."""
    work.wire.say(EventKind.DOWN, 1, 100.0)
    await work.clock.sleep(0.1)
    work.wire.say(EventKind.UP, 3, 100.1)
    await work.clock.sleep(0.65)
    assert work.carried == []
    await work.clock.sleep(0.1)
    assert [job.alert.gesture for job in work.carried] == ["single"]


async def test_what_was_unfinished_when_the_link_broke_is_recognised_when_it_comes_again(
    work: Work,
) -> None:
    work.wire.say(EventKind.DOWN, 1, 100.0)
    await work.clock.sleep(0.05)
    work.wire.connect(100.4)
    for kind, count, at_s in (
        (EventKind.DOWN, 1, 100.0),
        (EventKind.UP, 3, 100.1),
        (EventKind.DOWN, 5, 100.3),
    ):
        work.wire.say(kind, count, at_s, age_s=100.4 - at_s)
    await work.clock.sleep(2)
    assert [(job.alert.gesture, job.alert.id) for job in work.carried] == [("double", press_id(SERIAL, 7, 1))]
    assert work.carried[0].alert.was_queued


async def test_what_was_unfinished_when_the_button_restarted_is_not_lost(work: Work) -> None:
    work.wire.say(EventKind.DOWN, 1, 100.0)
    work.wire.say(EventKind.UP, 3, 100.1)
    work.wire.boot_id = 8
    work.wire.connect(0.5)
    await work.clock.sleep(0.1)
    assert [job.alert.gesture for job in work.carried] == ["single"]


async def test_a_press_seen_again_is_neither_carried_twice_nor_left_unacknowledged(work: Work) -> None:
    for _ in range(2):
        work.wire.connect(101.0)
        work.wire.say(EventKind.DOWN, 1, 100.0, age_s=1.0)
        work.wire.say(EventKind.UP, 3, 100.1, age_s=0.9)
        work.wire.say(EventKind.STILL, 4, 100.5, age_s=0.5)
        await work.clock.sleep(0.1)
    assert len(work.carried) == 1
    assert work.wire.acknowledged[0] == 4


async def test_queued_presses_are_dated_back_by_their_age(work: Work) -> None:
    work.wire.connect(3700.0)
    work.wire.say(EventKind.DOWN, 1, 100.0, age_s=3600.0)
    work.wire.say(EventKind.UP, 3, 100.1, age_s=3599.9)
    work.wire.say(EventKind.STILL, 4, 100.5, age_s=3599.5)
    await work.clock.sleep(0.1)
    [job] = work.carried
    assert round((job.alert.received_at - job.alert.pressed_at).total_seconds()) == 3600
    assert job.alert.was_queued


async def test_several_gestures_in_one_go_are_all_on_disk_before_the_button_forgets_any(
    work: Work,
) -> None:
    work.wire.connect(200.0)
    for press in range(3):
        at_s = 100.0 + 2 * press
        work.wire.say(EventKind.DOWN, 4 * press + 1, at_s, age_s=200 - at_s)
        work.wire.say(EventKind.UP, 4 * press + 3, at_s + 0.1, age_s=199.9 - at_s)
    work.wire.say(EventKind.STILL, 12, 199.0, age_s=1.0)
    await work.clock.sleep(0.1)
    assert len(work.carried) == 3
    assert work.wire.acknowledged[-1] == 12
    assert await resume(work) == 12
    assert len(await work.store.standings()) == 3


async def test_a_queue_that_comes_in_two_packets_is_read_as_one(work: Work) -> None:
    """A double press must not become two single ones because the second half is still in the air."""
    work.wire.connect(3700.0)
    work.wire.say(EventKind.DOWN, 1, 100.0, age_s=3600.0)
    work.wire.say(EventKind.UP, 3, 100.1, age_s=3599.9)
    await work.clock.sleep(0.2)
    work.wire.say(EventKind.DOWN, 5, 100.3, age_s=3599.7)
    work.wire.say(EventKind.UP, 7, 100.4, age_s=3599.6)
    await work.clock.sleep(0.1)
    assert [job.alert.gesture for job in work.carried] == ["double"]


async def test_a_queue_that_breaks_off_is_read_all_the_same(work: Work) -> None:
    """Its end never comes, and no other link either: what was heard of it must not wait for ever."""
    work.wire.connect(3700.0)
    work.wire.say(EventKind.DOWN, 1, 100.0, age_s=3600.0)
    work.wire.say(EventKind.UP, 3, 100.1, age_s=3599.9)
    await work.clock.sleep(5.9)
    assert work.carried == []
    await work.clock.sleep(0.2)
    assert [job.alert.gesture for job in work.carried] == ["single"]


async def test_the_end_of_the_queue_ends_the_patience_with_it(work: Work) -> None:
    work.wire.connect(100.3)
    work.wire.say(EventKind.DOWN, 1, 100.0, age_s=0.3)
    work.wire.say(EventKind.UP, 3, 100.1, age_s=0.2)
    work.wire.say(EventKind.STILL, 3, 100.3)
    await work.clock.sleep(0.6)
    assert [job.alert.gesture for job in work.carried] == ["single"]
