"""What the bridge knows of itself is on the disk in time, and nothing of what is true no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.past import SEAL, Present
from flicbridge.memory import AGAIN_S, KEEP_EVERY_S, SOON_S, Memory
from flicbridge.observation import Observation, Value
from flicbridge.outbox.store import Store
from flicbridge.supervise import alongside
from flicbridge.transport.http import HttpOptions

HERE = HttpOptions(transport="http", url="http://127.0.0.1:8001/", secret="key")
THERE = HttpOptions(transport="http", url="http://127.0.0.1:8002/", secret="key")
IN_TIME_S = 2.0
CHANNEL = "channel:hub/0"


@dataclass
class Run:
    """One run of a bridge, as far as it remembers."""

    store: Store
    clock: LoopClock
    options: HttpOptions = HERE
    board: Board = field(init=False)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.board = Board(self.clock)
        present = Present({"hub/0": self.options}, (), has_heartbeat=True)
        self.memory = Memory(self.store, self.board, self.clock, present)

    def say(self, subject: str, **facts: Value) -> None:
        for fact, value in facts.items():
            self.board.observe(Observation(subject, fact, value))

    async def on_disk(self) -> dict[tuple[str, str], Value]:
        """What is there, but for the seals."""
        found = await self.store.observations()
        return {(o.subject, o.fact): o.value for o, _ in found if o.fact != SEAL}


@asynccontextmanager
async def running(path: Path, options: HttpOptions = HERE) -> AsyncIterator[Run]:
    store, clock = Store.open_lasting(path), LoopClock(asyncio.get_running_loop())
    run = Run(store, clock, options)
    await run.memory.begin()
    try:
        async with alongside(memory=run.memory.keep_for_ever):
            yield run
    finally:
        await store.close()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "s.db"


@pytest.fixture
async def run(path: Path) -> AsyncIterator[Run]:
    """A run whose start is over."""
    async with running(path) as run:
        await run.clock.sleep(2 * SOON_S)
        yield run


async def test_what_decides_about_protection_is_on_disk_in_time_and_the_rest_waits(run: Run) -> None:
    run.say(CHANNEL, last_failure="12:00", state="refused", last_error="HTTP 401")
    run.say("button:poche", battery_mv=2900.0)
    await run.clock.sleep(IN_TIME_S)
    assert await run.on_disk() == {
        (CHANNEL, "last_failure"): "12:00",
        (CHANNEL, "state"): "refused",
        (CHANNEL, "last_error"): "HTTP 401",
    }
    await run.clock.sleep(KEEP_EVERY_S)
    assert (await run.on_disk())["button:poche", "battery_mv"] == 2900.0


@pytest.mark.parametrize(
    ("subject", "facts"),
    [
        (CHANNEL, {"replies": "unread", "replies_error": "x"}),
        ("notice", {"bridge/not_protected": "2026-11-22T12:00:00+00:00", "bridge/not_protected/over": False}),
    ],
)
async def test_so_are_replies_that_cannot_be_read_and_what_somebody_was_told(
    run: Run, subject: str, facts: dict[str, Value]
) -> None:
    run.say(subject, **facts)
    await run.clock.sleep(IN_TIME_S)
    assert await run.on_disk() == {(subject, fact): value for fact, value in facts.items()}


async def test_when_a_channel_is_tried_next_is_for_each_run_to_find_out(run: Run) -> None:
    run.say(CHANNEL, state="failing", next_try_at="12:05", circuit="open")
    await run.clock.sleep(IN_TIME_S)
    assert await run.on_disk() == {(CHANNEL, "state"): "failing"}


async def test_what_is_only_said_again_wears_out_no_memory_card(run: Run) -> None:
    run.say(CHANNEL, state="ok", last_success="12:00")
    await run.clock.sleep(IN_TIME_S)
    run.say(CHANNEL, state="ok", last_success="12:01")
    await run.clock.sleep(IN_TIME_S)
    assert (await run.on_disk())[CHANNEL, "last_success"] == "12:00"


async def test_what_the_disk_refuses_is_there_once_it_works_again(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    async with running(path) as run:
        await run.clock.sleep(IN_TIME_S)
        run.say(CHANNEL, state="refused")
        run.say("button:poche", battery_mv=2900.0)
        await run.clock.sleep(KEEP_EVERY_S)
        path.parent.unlink()
        await run.clock.sleep(AGAIN_S + 1)
        assert await run.on_disk() == {(CHANNEL, "state"): "refused", ("button:poche", "battery_mv"): 2900.0}


async def test_a_disk_that_refuses_even_the_farewell_is_no_error(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    async with running(path) as run:
        run.say(CHANNEL, state="refused")
        await run.memory.keep_at_the_end()
        assert [o.value for o, _ in run.board.changed()] == ["refused"]


async def test_a_database_that_is_made_anew_learns_everything_once_more(run: Run, path: Path) -> None:
    run.say(CHANNEL, state="ok", last_success="12:00")
    await run.clock.sleep(IN_TIME_S)
    for file in path.parent.iterdir():
        file.unlink()
    assert (await run.store.mend()).error is None  # as the caretaker does all the time
    await run.clock.sleep(KEEP_EVERY_S + AGAIN_S)
    assert await run.on_disk() == {(CHANNEL, "state"): "ok", (CHANNEL, "last_success"): "12:00"}
    async with running(path, THERE) as later:
        assert later.board.facts(CHANNEL) == {}


async def test_so_does_one_that_is_made_anew_by_the_very_write(run: Run, path: Path) -> None:
    run.say(CHANNEL, state="ok", last_success="12:00")
    await run.clock.sleep(IN_TIME_S)
    for file in path.parent.iterdir():
        file.unlink()
    run.say(CHANNEL, state="failing")
    await run.clock.sleep(IN_TIME_S + AGAIN_S)
    assert await run.on_disk() == {(CHANNEL, "state"): "failing", (CHANNEL, "last_success"): "12:00"}
    async with running(path, THERE) as later:
        assert later.board.facts(CHANNEL) == {}


async def test_what_an_earlier_run_left_is_known_from_the_start(run: Run, path: Path) -> None:
    run.say(CHANNEL, state="refused")
    await run.clock.sleep(IN_TIME_S)
    async with running(path) as later:
        assert later.board.value(CHANNEL, "state") == "refused"


async def test_of_a_channel_that_leads_elsewhere_even_the_disk_forgets(run: Run, path: Path) -> None:
    run.say(CHANNEL, state="ok", last_success="12:00")
    await run.clock.sleep(IN_TIME_S)
    async with running(path, THERE) as later:
        assert later.board.facts(CHANNEL) == {}
        await later.clock.sleep(IN_TIME_S)
        assert await later.on_disk() == {}
    async with running(path, HERE) as back:
        assert back.board.facts(CHANNEL) == {}


async def test_a_start_that_gets_no_further_leaves_the_disk_as_it_is(run: Run, path: Path) -> None:
    """Such as that of a second bridge on the same state, with other settings."""
    run.say(CHANNEL, state="ok")
    await run.clock.sleep(IN_TIME_S)
    store = Store.open_lasting(path)
    await Run(store, run.clock, THERE).memory.begin()
    await store.close()
    async with running(path) as later:
        assert later.board.value(CHANNEL, "state") == "ok"


async def test_facts_that_come_with_a_late_disk_are_not_taken_for_those_of_another_address(
    run: Run, path: Path
) -> None:
    run.say(CHANNEL, state="ok", last_success="12:00")
    await run.clock.sleep(IN_TIME_S)
    folder, away = path.parent, path.parent.with_name("away")
    await run.store.close()
    folder.rename(away)
    folder.write_text("a file where the folder should be")
    async with running(path, THERE) as later:
        later.say(CHANNEL, last_failure="13:00", state="failing")
        await later.clock.sleep(IN_TIME_S)
        folder.unlink()
        away.rename(folder)
        await later.clock.sleep(AGAIN_S + 1)
        assert await later.on_disk() == {(CHANNEL, "state"): "failing", (CHANNEL, "last_failure"): "13:00"}
        assert later.board.value(CHANNEL, "last_success") is None


async def test_what_comes_with_a_late_disk_and_is_still_true_is_taken_over(run: Run, path: Path) -> None:
    run.say("notice", told="12:00")
    await run.clock.sleep(IN_TIME_S)
    folder, away = path.parent, path.parent.with_name("away")
    await run.store.close()
    folder.rename(away)
    folder.write_text("a file where the folder should be")
    async with running(path) as later:
        assert later.board.value("notice", "told") is None
        folder.unlink()
        away.rename(folder)
        await later.clock.sleep(AGAIN_S + 1)
        assert later.board.value("notice", "told") == "12:00"
