"""The promises of the design, for any sequence of presses, replays and a disk that comes and goes.

Commit before acknowledge: what a button was told to forget is on disk, with all that leaves at once.
One press, one alert: however often a press is seen, nobody is told of it twice.
A sick disk does not silence the button: every press is carried at once, written down or not.
And what it refused is on it once it is well: all of it, once, and nothing that came later is undone.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.alert.alert import AlertState, DeliveryState, Doctor, Happening, Practice, press_id
from flicbridge.alert.desk import Change, Desk, Identity, Mark, Press, Reaction
from flicbridge.alert.plan import Plan, Route, Step
from flicbridge.clock import LoopClock
from flicbridge.errors import StoreError
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter
from flicbridge.simulator.leap import LeapingEventLoop

SERIAL = "BF12-A34567"
CHANNELS = ("samu/0", "hub/0")

# What happens next: a new press, one that is seen again, a mark to note; and whether the disk is sick.
PRESS, REPLAY, NOTE = "press", "replay", "note"
scripts = st.lists(
    st.tuples(st.sampled_from([PRESS, PRESS, REPLAY, NOTE]), st.booleans(), st.integers(0, 9)), max_size=14
)


class MoodyStore(Store):
    """A real store whose disk refuses while `is_sick`."""

    is_sick = False

    async def commit(self, change: Change, now_at: datetime) -> UUID | None:
        if self.is_sick:
            raise StoreError("no room on the disk")
        return await super().commit(change, now_at)


@dataclass
class Office:
    """A ledger over a moody store, the jobs it handed over, and how far the button may forget."""

    store: Store
    clock: LoopClock
    carried: list[Job] = field(default_factory=list)
    forgotten: int = 0

    def __post_init__(self) -> None:
        steps = (Step(timedelta(0), tuple(Route(c.split("/")[0], c, timedelta(days=1)) for c in CHANNELS)),)
        self.desk = Desk(
            Identity("tilleuls-1", Doctor("Dr Anne Martin", "+33612345678"), Practice("Cabinet", "Limoges")),
            Plan(steps, ()),
            join_within=timedelta(0),
            renotify_every=timedelta(0),
        )
        self.ledger = Ledger(self.desk, self.store, self._take, clock=self.clock, observe=lambda _: None)

    def _take(self, jobs: Iterable[Job]) -> None:
        self.carried.extend(jobs)

    async def press(self, count: int) -> None:
        """As a button's path does it: acknowledged as far as the mark, if the press is safe."""
        now = self.clock.reading()
        press = Press(
            press_id(SERIAL, 7, count), "button:poche", "poche", "long", Reaction.ALERT, now.at, now.at, False
        )
        taken = await self.ledger.take(press, Mark(SERIAL, Counter(7, count)), None)
        if taken.safe:
            self.forgotten = max(self.forgotten, count)

    async def note(self, count: int) -> None:
        if await self.ledger.note(Mark(SERIAL, Counter(7, count))):
            self.forgotten = max(self.forgotten, count)

    async def on_disk(self) -> dict[UUID, set[str]]:
        """The alerts on disk, each with the channels that owe it a message."""
        known = {standing.alert.id: set[str]() for standing in await self.store.standings()}
        for job in await self.store.unfinished(self.clock.now_at()):
            known[job.alert.id].add(job.delivery.channel)
        return known


async def _play(folder: Path, script: Sequence[tuple[str, bool, int]]) -> None:
    store = MoodyStore.open(folder / "flicbridge.db")
    office = Office(store, LoopClock(asyncio.get_running_loop()))
    made = 0
    for what, is_sick, which in script:
        store.is_sick = is_sick
        if what == PRESS:
            made += 1
            await office.press(made)
        elif what == REPLAY and made > office.forgotten:  # a button repeats what it was not told to forget
            await office.press(office.forgotten + 1 + which % (made - office.forgotten))
        elif what == NOTE:
            await office.note(made)
        found = await office.on_disk()
        for count in range(1, office.forgotten + 1):
            assert found.get(press_id(SERIAL, 7, count)) == set(CHANNELS), f"press {count} is forgotten"
        carried = [(job.alert.id, job.delivery.channel) for job in office.carried]
        assert len(carried) == len(set(carried)) == made * len(CHANNELS)
    store.is_sick = False
    await office.ledger.tidy(None)
    assert await office.on_disk() == {press_id(SERIAL, 7, n + 1): set(CHANNELS) for n in range(made)}
    await store.close()


@settings(max_examples=60)
@given(scripts)
def test_what_a_button_may_forget_is_on_disk_and_nobody_is_told_twice(
    script: list[tuple[str, bool, int]],
) -> None:
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
        runner.run(_play(Path(folder), script))


async def test_what_is_saved_late_does_not_undo_what_happened_since(tmp_path: Path) -> None:
    """Raised while the disk was sick, answered since: a restart must not find it unanswered."""
    store = MoodyStore.open(tmp_path / "flicbridge.db")
    office = Office(store, LoopClock(asyncio.get_running_loop()))
    store.is_sick = True
    await office.press(1)
    store.is_sick = False
    await office.ledger.move(press_id(SERIAL, 7, 1), Happening.ACKNOWLEDGED, by="api")
    await office.ledger.tidy(None)
    [standing] = await store.standings()
    assert standing.state == "acknowledged"
    await store.close()


# -- everything that happens to alerts, on a disk that comes and goes ----------------------------------------

OUTCOME, ANSWER = "outcome", "answer"
ANSWERS = (Happening.ACKNOWLEDGED, Happening.CANCELLED, Happening.FALSE_ALARM, Happening.CLOSED)
OUTCOMES = (DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.FAILED)
lives = st.lists(
    st.tuples(st.sampled_from([PRESS, OUTCOME, OUTCOME, ANSWER]), st.booleans(), st.integers(0, 59)),
    max_size=20,
)


class Life:
    """Alerts as they are lived, and what should be on disk of them."""

    def __init__(self, store: Store, clock: LoopClock) -> None:
        self.store = store
        self.office = Office(store, clock)
        self.is_sick = False
        self.made = 0
        self.moved: dict[UUID, list[str]] = {}
        self.tried: dict[UUID, list[str]] = {}
        self.jobs: list[Job] = []
        willing = store._writer.run

        async def run(job: Callable[[sqlite3.Connection], Any]) -> Any:
            if self.is_sick:
                raise StoreError("no room on the disk")
            return await willing(job)

        store._writer.run = run  # type: ignore[method-assign]

    async def happens(self, what: str, which: int) -> None:
        if what == PRESS:
            self.made += 1
            await self.office.press(self.made)
            self.moved[press_id(SERIAL, 7, self.made)] = ["raised"]
        elif what == ANSWER and self.made:
            alert = press_id(SERIAL, 7, 1 + which % self.made)
            answer = ANSWERS[which % len(ANSWERS)]
            if await self.office.ledger.move(alert, answer, by="api"):
                self.moved[alert].append(answer.value)
        elif what == OUTCOME:
            await self._try(which)
        self.jobs += self.office.carried
        self.office.carried.clear()

    async def _try(self, which: int) -> None:
        """Let one of the messages under way come to an end, or to its next try."""
        if not self.jobs:
            return
        job, state = self.jobs.pop(which % len(self.jobs)), OUTCOMES[which % len(OUTCOMES)]
        standing, now_at = self.office.desk.standing(job.alert.id), self.office.clock.now_at()
        tells = state is DeliveryState.SENT and standing is not None and standing.state is AlertState.RAISED
        with suppress(StoreError):
            await self.office.ledger.settle(Attempt(job, state, now_at, now_at, 0.1, ""))
        self.tried.setdefault(job.id, []).append(state.value)
        if tells:
            self.moved[job.alert.id].append("notified")
        if state is DeliveryState.QUEUED:
            self.jobs.append(replace(job, attempts=job.attempts + 1))

    async def is_on_disk(self) -> None:
        """See that the disk knows all of it, just once, and in no state of the past."""
        stands = {standing.alert.id: standing for standing in await self.store.standings()}
        assert stands == {standing.alert.id: standing for standing in self.office.desk.known}
        for alert, moves in self.moved.items():
            shown = await self.store.show_alert(alert)
            assert shown is not None
            assert sorted(row["what"] for row in shown["history"]) == sorted(moves)
            found = {UUID(row["id"]): row["state"] for row in shown["deliveries"]}
            for delivery, outcomes in self.tried.items():
                if delivery in found:
                    may_be = {outcomes[-1]} | ({"withdrawn"} if outcomes[-1] == "queued" else set())
                    assert found[delivery] in may_be
                    rows = [row for row in shown["attempts"] if row["delivery"] == str(delivery)]
                    assert [row["outcome"] for row in rows] == outcomes


async def _live(folder: Path, script: Sequence[tuple[str, bool, int]]) -> None:
    store = Store.open(folder / "flicbridge.db")
    life = Life(store, LoopClock(asyncio.get_running_loop()))
    for what, is_sick, which in script:
        life.is_sick = is_sick
        await life.happens(what, which)
    life.is_sick = False
    await life.office.ledger.pay()
    assert life.office.ledger.owed == 0
    await life.is_on_disk()
    await store.close()


@settings(max_examples=100)
@given(lives)
def test_whatever_a_disk_refused_is_on_it_in_the_end_and_undoes_nothing(
    script: list[tuple[str, bool, int]],
) -> None:
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
        runner.run(_live(Path(folder), script))
