"""Attackers on the virtual radio, against the whole bridge: no false alert, no harm, a word in `status`, and
the real button is heard all the same.

Simulated time is cheap, what happens in it is not: a packet costs 0.3 ms, an advertisement 0.2 ms, a moment
in which anything happens 2 ms. So some rates are lower here than in the driver's own tests.
"""

import asyncio
import gc
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from flicbridge import bridge as composition
from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.cli.status import _blocks
from flicbridge.clock import Clock, LoopClock
from flicbridge.config.load import load
from flicbridge.house import Bridge
from flicbridge.press.crowd import SENDERS
from flicbridge.press.flic2.link import HASTY_TIMEOUT_S, READY_TIMEOUT_S
from flicbridge.simulator.attack import (
    Babbler,
    Flood,
    Impostor,
    Meddler,
    Recorder,
    Replayer,
    foreign_garbage,
    impersonate,
    meddling,
)
from flicbridge.simulator.attack import impostor as lies
from flicbridge.simulator.flic2 import Identity
from flicbridge.simulator.gateways.http import FakeHttp
from flicbridge.simulator.leap import steady_loop
from flicbridge.simulator.overhear import Entry, overheard
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.standins import standing_in
from flicbridge.simulator.world import VirtualWorld
from flicbridge.supervise import alongside

SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "state"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"

[alerts]
join_within = "0s"

[[buttons]]
name = "poche"
family = "flic2"
serial = "BF12-A34567"
gestures = { single = "alert" }

[[recipients]]
name = "hub"
channels = [ { transport = "http", url = "http://127.0.0.1:9/hook", secret = "hub-key" } ]

[[plan]]
after = "0s"
notify = ["hub"]
"""


# What bleak and the simulation remember of one; the bridge replaces its scanner before there are many.
BLOCKS_PER_SENDER = 30


def allocated_blocks() -> int:
    """How many pieces of memory are in use: every object takes one or a few."""
    gc.collect()
    return sys.getallocatedblocks()


@dataclass
class Practice:
    """A bridge at work, its button, and whoever else is on the air."""

    world: VirtualWorld
    button: Peripheral
    bridge: Bridge
    hub: FakeHttp
    clock: Clock
    log: list[Entry]
    random: Random

    async def alerts(self) -> int:
        """How many alerts were ever raised."""
        return len(await self.bridge.list_alerts(1000))

    async def problem(self, kind: str) -> dict[str, Any] | None:
        """The entry of that kind in `status`."""
        report = await self.bridge.status()
        return next((found for found in report["problems"] if found["problem"] == kind), None)

    async def until(self, truth: Callable[[], bool], *, within_s: float) -> float:
        """Wait until something is true; return how long it took."""
        began_s = self.clock.now_s()
        async with asyncio.timeout(within_s):
            while not truth():
                await self.clock.sleep(0.05)
        return self.clock.now_s() - began_s

    def impostor(self, lie: lies.Lie, *, hangs_up: bool = False) -> Impostor:
        """Somebody with the button's address."""
        return Impostor(
            self.button.address,
            lie,
            hangs_up=hangs_up,
            now_s=self.clock.now_s(),
            random=self.random.randbytes,
        )

    async def press(self, *, within_s: float) -> float:
        """Press the button; return how long it took until one alert more had arrived at the hub."""
        known, began_s = len(self.hub.received), self.clock.now_s()
        await self.button.press("single")
        await self.until(lambda: len(self.hub.received) > known, within_s=within_s)
        assert await self.alerts() == known + 1
        return self.clock.now_s() - began_s

    async def part(self) -> None:
        """Take the button away until the bridge has noticed."""
        self.button.out_of_range()
        await self.clock.sleep(10)
        assert await self.problem("not_connected")

    async def press_until_heard(self, *, within_s: float) -> None:
        """Press every 20 seconds, as somebody in need would, until help is called; every press must count."""
        known, presses = len(self.hub.received), 0
        async with asyncio.timeout(within_s):
            while len(self.hub.received) == known:
                await self.button.press("single")
                presses += 1
                with suppress(TimeoutError):
                    await self.until(lambda: len(self.hub.received) > known, within_s=20)
        await self.clock.sleep(3)
        assert await self.alerts() == known + presses

    def lines(self) -> list[Entry]:
        """What the bridge logged, as far as anybody keeps it."""
        return [entry for entry in self.log if entry.level != "debug"]

    def assert_unharmed(self, *, lines: int) -> None:
        """Nothing crashed, and the log did not fill up."""
        assert [entry for entry in self.log if entry.level == "error"] == []
        assert len(self.lines()) <= lines


type OpenPractice = Callable[[], AbstractAsyncContextManager[Practice]]


@dataclass(frozen=True)
class Paired:
    """What is left of a pairing: the bridge's state, and what the button remembers."""

    state: Path
    button: str


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Paired:
    """Pairs once for all tests, as it takes as long as most attacks."""
    state = tmp_path_factory.mktemp("paired") / "state"

    async def pair() -> Paired:
        async with VirtualWorld() as world:
            button = await world.add_button("poche")
            await pair_all(world, {"poche": button}, state / DATABASE, LoopClock(asyncio.get_running_loop()))
            return Paired(state, button.to_json())

    with asyncio.Runner(loop_factory=steady_loop) as runner:
        return runner.run(pair())


@pytest.fixture
def open_practice(tmp_path: Path, paired: Paired, monkeypatch: pytest.MonkeyPatch) -> OpenPractice:
    """Opens a practice whose button is connected: `async with open_practice() as practice`."""

    @asynccontextmanager
    async def open_it() -> AsyncGenerator[Practice]:
        config = tmp_path / "flicbridge.toml"
        config.write_text(SETTINGS)
        shutil.copytree(paired.state, tmp_path / "state")
        clock = LoopClock(asyncio.get_running_loop())
        async with VirtualWorld() as world:
            button = await world.add_button("poche", state=paired.button)
            buttons = {"poche": button}
            monkeypatch.setattr(
                composition,
                "open_room",
                lambda _settings, *, observe, **_: simulated_radio(
                    world, buttons, clock=clock, observe=observe
                ),
            )
            log: list[Entry] = []
            with overheard(log.append, show=False):
                async with (
                    standing_in(load(config, secrets=False), tmp_path, clock) as cast,
                    open_bridge(cast.settings, cast.secrets, clock=clock) as bridge,
                    alongside(bridge=bridge.run),
                ):
                    hub = cast.standins["hub/0"].gateway
                    assert isinstance(hub, FakeHttp)
                    practice = Practice(world, button, bridge, hub, clock, log, Random(7))
                    await bridge.ready.wait()
                    await practice.press(within_s=30)
                    await clock.sleep(3)
                    assert button.is_connected
                    log.clear()
                    yield practice

    return open_it


# ---- somebody else at the button's address


OTHER = Identity.made_for("somebody else's")

LIES: dict[str, tuple[Callable[[Identity], lies.Lie], str]] = {
    "a false proof": (lambda _: lies.false_proof, "impostor"),
    "a denial": (lambda _: lies.denial, "unproven"),
    "the certificate of another button": (lambda _: lies.borrowed_certificate(OTHER), "impostor"),
    "the certificate of the button itself": (lies.borrowed_certificate, "impostor"),
    "nothing": (lambda _: lies.silence, "unproven"),
    "that it is full": (lambda _: lies.no_slots, "unproven"),
}


@pytest.mark.parametrize("answer", LIES)
async def test_an_impostor_is_not_believed_and_does_not_keep_the_button_from_being_heard(
    open_practice: OpenPractice, answer: str
) -> None:
    async with open_practice() as practice:
        make_lie, kind = LIES[answer]
        lie = make_lie(practice.button.flic2.memory.identity)
        await outlast(practice, practice.impostor(lie), kind)


async def test_an_impostor_that_hangs_up_at_once_does_no_more_harm(open_practice: OpenPractice) -> None:
    async with open_practice() as practice:
        await outlast(practice, practice.impostor(lies.silence, hangs_up=True), "unproven", alone_s=36)


async def outlast(practice: Practice, impostor: Impostor, kind: str, *, alone_s: float = 24.0) -> None:
    """Meet an impostor alone for a while, then together with the button, then never again."""
    await practice.part()
    async with impersonate(practice.world.air, impostor):
        await practice.clock.sleep(alone_s)
        assert await practice.alerts() == 1
        problem = await practice.problem(kind)
        assert problem is not None
        assert 3 <= problem["times"] <= impostor.links
        assert problem["since"] < problem["last"]
        down = await practice.problem("not_connected")
        assert down is not None
        assert down["since"] < problem["since"]  # not since the last try
        practice.button.back_in_range()
        await practice.press_until_heard(within_s=180)
    await practice.clock.sleep(5)
    await practice.press(within_s=5)
    assert await practice.problem("not_connected") is None
    assert await practice.problem("unproven") is None
    practice.assert_unharmed(lines=80)


async def test_nobody_holds_the_link_for_long_without_a_proof(open_practice: OpenPractice) -> None:
    async with open_practice() as practice:
        await practice.part()
        impostor = practice.impostor(lies.silence)
        async with impersonate(practice.world.air, impostor) as peripheral:
            held_s = []
            for _ in range(4):
                await practice.until(lambda: peripheral.is_connected, within_s=5)
                held_s.append(await practice.until(lambda: not peripheral.is_connected, within_s=20))
        parting_s = practice.world.radio.disconnect_takes_s
        assert max(held_s) < READY_TIMEOUT_S + parting_s + 0.5
        assert min(held_s) < HASTY_TIMEOUT_S + parting_s + 0.5


# ---- what was recorded


@pytest.mark.parametrize(("fits", "kind"), [(False, "unproven"), (True, "impostor")])
async def test_a_recorded_session_says_nothing_to_a_later_one(
    open_practice: OpenPractice, fits: bool, kind: str
) -> None:
    async with open_practice() as practice:
        recorder = practice.button.between = Recorder()
        practice.button.drop_link()
        await practice.press(within_s=10)
        await practice.clock.sleep(3)
        practice.button.between = None
        await practice.part()
        async with impersonate(practice.world.air, practice.impostor(Replayer(recorder.heard, fits=fits))):
            await practice.clock.sleep(30)
            assert await practice.alerts() == 2
            assert await practice.problem(kind)
        practice.button.back_in_range()
        await practice.press(within_s=20)
        practice.assert_unharmed(lines=80)


async def test_no_recorded_notification_is_believed_again_in_the_session_it_comes_from(
    open_practice: OpenPractice,
) -> None:
    async with open_practice() as practice:
        recorder = practice.button.between = Recorder()
        for presses in range(1, 4):
            await practice.press(within_s=10)
            await practice.clock.sleep(1)
            practice.button.inject(recorder.said[-presses])
            await practice.clock.sleep(5)
            problem = await practice.problem("tampering")
            assert problem is not None
            assert (problem["times"], await practice.alerts()) == (presses, 1 + presses)
        await practice.press(within_s=5)
        practice.assert_unharmed(lines=80)


# ---- on the link


SPOILS: dict[str, Callable[[], meddling.Spoil]] = {
    "flipped": lambda: meddling.flip,
    "sent twice": lambda: meddling.duplicate,
    "truncated": lambda: meddling.truncate,
    "made to go on": lambda: meddling.never_end,
    "preceded by a forged one": lambda: meddling.forge,
    "put in another order": meddling.swap,
}


@pytest.mark.parametrize("how", SPOILS)
async def test_a_packet_that_was_tampered_with_costs_no_press_and_makes_none(
    open_practice: OpenPractice, how: str
) -> None:
    async with open_practice() as practice:
        meddler = practice.button.between = Meddler(SPOILS[how](), frames=2, random=practice.random)
        await practice.press(within_s=15)
        await practice.clock.sleep(10)
        assert meddler.spoilt
        assert await practice.alerts() == 2
        problem = await practice.problem("tampering")
        assert problem is not None
        assert problem["detail"].startswith("packet_signature")
        assert await practice.problem("presses_lost") is None
        await practice.press(within_s=5)
        practice.assert_unharmed(lines=80)


async def test_a_link_that_is_spoilt_for_minutes_is_as_good_as_none_and_the_press_is_kept(
    open_practice: OpenPractice,
) -> None:
    """Whoever can do that can keep any radio silent: it must be seen, and end with the attack."""
    async with open_practice() as practice:
        practice.button.between = Meddler(meddling.flip, frames=10**6, random=practice.random)
        began_s = practice.clock.now_s()
        await practice.button.press("single")
        await practice.clock.sleep(120)
        assert await practice.alerts() == 1
        assert await practice.problem("not_connected")
        assert await practice.problem("impostor")
        assert len(practice.lines()) < 15
        practice.button.between = None
        await practice.until(lambda: len(practice.hub.received) == 2, within_s=30)
        age_s = practice.clock.now_s() - began_s
        assert abs(practice.hub.received[-1].event["data"]["age_s"] - age_s) < 5
        await practice.clock.sleep(3)
        await practice.press(within_s=5)
        practice.assert_unharmed(lines=80)


# ---- noise


async def test_an_hour_of_garbage_on_the_link_of_the_button_hurts_nobody(open_practice: OpenPractice) -> None:
    """Fifty a second in the first minute, twenty a minute afterwards.

    The driver's own tests have the whole hour at full rate (`tests/press/flic2/test_garbage.py`).
    """
    async with open_practice() as practice:
        random, blocks = practice.random, []
        for minute in range(60):
            bursts, frames = (6, 500) if minute == 0 else (1, 20)
            for _ in range(bursts):
                for _ in range(frames):
                    practice.button.inject(foreign_garbage(random, own=1))
                await practice.clock.sleep(60 / bursts)
            if minute in (10, 59):
                blocks.append(allocated_blocks())
        assert blocks[1] - blocks[0] < 2000  # after 1000 frames more
        problem = await practice.problem("garbage")
        assert problem is not None
        assert problem["times"] > 2000
        assert practice.button.is_connected
        assert await practice.problem("not_connected") is None
        assert await practice.alerts() == 1
        await practice.press(within_s=2)
        practice.assert_unharmed(lines=40)


async def test_whoever_babbles_instead_of_proving_anything_is_not_listened_to(
    open_practice: OpenPractice,
) -> None:
    async with open_practice() as practice:
        babbler = Babbler(
            practice.button.address,
            frames=50,
            pause_s=1.0,
            every_s=1.0,
            now_s=practice.clock.now_s(),
            random=practice.random,
        )
        await outlast(practice, babbler, "unproven", alone_s=36)
        assert babbler.frames_said > 500
        assert await practice.problem("garbage")


async def test_a_flood_of_advertisements_neither_fills_the_memory_nor_hides_the_button(
    open_practice: OpenPractice,
) -> None:
    async with open_practice() as practice:
        with Flood(practice.world.air, random=practice.random) as flood:

            async def pour() -> None:
                while True:
                    flood.invent(45)
                    flood.call_as(practice.button.address, 5)
                    await practice.clock.sleep(0.1)

            async with alongside(pour=pour):
                await practice.clock.sleep(5)
                assert await practice.press(within_s=2) < 1
                blocks = allocated_blocks()
                practice.button.out_of_range()
                await practice.clock.sleep(11)
                assert await practice.problem("not_connected")
                practice.button.back_in_range()
                await practice.press_until_heard(within_s=60)
                grown = allocated_blocks() - blocks
        assert flood.sent > 7_000
        assert grown < SENDERS * BLOCKS_PER_SENDER
        problem = await practice.problem("advertisement_flood")
        assert problem is not None
        assert "senders within" in problem["detail"] or "per second" in problem["detail"]
        assert problem["part"] == "radio"
        await practice.clock.sleep(15)
        await practice.press(within_s=2)
        assert (await practice.bridge.status())["radio"]["scanner_restarts"] == 0
        practice.assert_unharmed(lines=60)


async def test_an_attack_is_in_the_status_in_peoples_words(open_practice: OpenPractice) -> None:
    async with open_practice() as practice:
        await practice.part()
        async with impersonate(practice.world.air, practice.impostor(lies.false_proof)):
            await practice.clock.sleep(30)
        written = StringIO()
        screen = Console(file=written, width=300)
        for block in _blocks(dict(await practice.bridge.status()), ZoneInfo("Europe/Paris"), str):
            screen.print(block)
        shown = written.getvalue()
        assert "button poche: somebody else answered in its place" in shown
        assert re.search(r"seen \d+×, last \d{4}-", shown)
