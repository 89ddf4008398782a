"""Somebody vouches for the bridge, and only as long as a press would get through."""

import asyncio
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flicbridge.alert.desk import Change, Mark, Press
from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.canary import NAME
from flicbridge.clock import LoopClock, SystemClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.errors import StoreError
from flicbridge.guard.parts import BUDGET
from flicbridge.house import Bridge
from flicbridge.observation import Observation
from flicbridge.outbox.ledger import Effect, Ledger, Taken
from flicbridge.outbox.store import Store
from flicbridge.place.position import Position
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.watchdog import LIMIT_S, SING_EVERY_S

WATCHDOG_S = 30.0


class Listener:
    """A service manager's socket, and what was said to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def heard(self) -> list[str]:
        """The lines that came since this was last asked."""
        lines: list[str] = []
        with suppress(BlockingIOError):
            while True:
                lines += self._socket.recv(4096).decode().splitlines()
        return lines


@dataclass
class Watched:
    """A bridge, and whoever started it."""

    bridge: Bridge
    manager: Listener
    database: Path
    clock: LoopClock

    async def heard_within(self, seconds: float) -> list[str]:
        """What the service manager hears from now on; its socket holds only some lines at a time."""
        self.manager.heard()
        heard: list[str] = []
        until_s = self.clock.now_s() + seconds
        while self.clock.now_s() < until_s:
            await self.clock.sleep(min(5.0, until_s - self.clock.now_s()))
            heard += self.manager.heard()
        return heard

    async def problems(self) -> set[tuple[str, str]]:
        status = await self.bridge.status()
        return {(p["part"], p["problem"]) for p in status["problems"]}


@pytest.fixture
def manager(tmp_path: Path) -> Any:
    listener = Listener(tmp_path / "notify")
    yield listener
    listener.close()


@pytest.fixture
async def watched(
    write_config: Callable[..., Path], manager: Listener, tmp_path: Path
) -> AsyncIterator[Watched]:
    """A bridge on a loop that leaps, under a watchdog."""
    config = write_config("http://127.0.0.1:9/")
    (tmp_path / "secrets").mkdir(mode=0o700)
    key = tmp_path / "secrets" / "hub-key"
    key.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    key.chmod(0o600)
    clock = LoopClock(asyncio.get_running_loop())
    told = ServiceManager(str(manager.path), WATCHDOG_S)
    async with (
        open_bridge(load(config), Credentials.beside(config), clock=clock, manager=told) as bridge,
        asyncio.TaskGroup() as group,
    ):
        running = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield Watched(bridge, manager, tmp_path / "state" / DATABASE, clock)
        running.cancel()


async def test_it_is_ready_once_presses_are_taken_and_vouched_for_at_once(watched: Watched) -> None:
    await watched.clock.sleep(1)
    heard = watched.manager.heard()
    assert heard[:2] == ["READY=1", "WATCHDOG=1"]


async def test_it_is_vouched_for_well_within_the_patience_of_the_service_manager(watched: Watched) -> None:
    assert (await watched.heard_within(10 * WATCHDOG_S)).count("WATCHDOG=1") >= 20


async def test_it_leaves_no_trace_where_alerts_are(watched: Watched) -> None:
    await watched.clock.sleep(5 * WATCHDOG_S)
    status = await watched.bridge.status()
    assert status["pipeline"]["state"] == "ok"
    assert status["open_alerts"] == []
    assert not await watched.bridge.list_alerts(10)
    with closing(sqlite3.connect(watched.database)) as db:
        assert db.execute("SELECT count(*) FROM alert_event").fetchone() == (0,)


@pytest.fixture
def jam(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], asyncio.Event]:
    """Let the presses of one button hang on their way to the database, until the event is set."""

    def hang(button: str) -> asyncio.Event:
        mended, take = asyncio.Event(), Ledger.take

        async def hanging(ledger: Ledger, press: Press, mark: Mark | None, where: Position | None) -> Taken:
            if press.button == button:
                await mended.wait()
            return await take(ledger, press, mark, where)

        monkeypatch.setattr(Ledger, "take", hanging)
        return mended

    return hang


async def test_nobody_vouches_while_a_press_would_hang_and_it_shows(
    watched: Watched, jam: Callable[[str], asyncio.Event]
) -> None:
    await watched.clock.sleep(1)
    mended = jam(NAME)
    await watched.clock.sleep(SING_EVERY_S + LIMIT_S)
    assert "WATCHDOG=1" not in await watched.heard_within(3 * WATCHDOG_S)
    assert ("bridge", "pipeline_stuck") in await watched.problems()
    mended.set()
    assert "WATCHDOG=1" in await watched.heard_within(SING_EVERY_S + LIMIT_S)
    assert ("bridge", "pipeline_stuck") not in await watched.problems()


async def test_nobody_vouches_while_the_presses_of_one_button_hang(
    watched: Watched, jam: Callable[[str], asyncio.Event]
) -> None:
    await watched.clock.sleep(1)
    mended = jam("bureau")

    async def press() -> None:
        with suppress(StoreError):  # whoever presses is told that it takes too long
            await watched.bridge.press("bureau", "single")

    async with asyncio.TaskGroup() as group:
        group.create_task(press())
        await watched.clock.sleep(SING_EVERY_S / 2)
        assert "WATCHDOG=1" not in await watched.heard_within(LIMIT_S)
        mended.set()
    assert "WATCHDOG=1" in await watched.heard_within(SING_EVERY_S + LIMIT_S)
    assert len(await watched.bridge.list_alerts(10)) == 1


async def test_a_sick_disk_is_no_reason_to_be_killed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts go out from memory then, and a new start would forget them."""

    async def refuse(_store: Store, _change: Change, _now_at: datetime) -> None:
        raise StoreError("disk I/O error")

    monkeypatch.setattr(Store, "commit", refuse)
    await watched.clock.sleep(SING_EVERY_S)
    assert (await watched.heard_within(3 * WATCHDOG_S)).count("WATCHDOG=1") >= 6
    pressed = await watched.bridge.press("bureau", "single")
    assert (pressed.effect, pressed.safe) == (Effect.RAISED, False)


async def test_nobody_vouches_for_a_bridge_whose_courier_cannot_be_kept_alive(
    watched: Watched,
) -> None:
    board = watched.bridge.board
    for failures in range(1, BUDGET + 2):
        board.observe(Observation("courier", "failures", float(failures)))
    board.observe(Observation("courier", "running", value=False))
    board.observe(Observation("courier", "failure", "ValueError"))
    assert "WATCHDOG=1" not in await watched.heard_within(2 * SING_EVERY_S)
    assert ("bridge", "vital_part_failing") in await watched.problems()


@pytest.mark.real_time
async def test_the_program_tells_systemd_that_it_is_ready_lives_and_stops(
    start: Callable[..., AbstractAsyncContextManager[Any]],
    write_config: Callable[..., Path],
    manager: Listener,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(manager.path))
    monkeypatch.setenv("WATCHDOG_USEC", "600000")  # asked for five times a second
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        heard: list[str] = []
        async with asyncio.timeout(20):
            while heard.count("WATCHDOG=1") < 3:
                await SystemClock().sleep(0.05)
                heard += manager.heard()
        assert heard[0] == "READY=1"
        program.process.send_signal(signal.SIGTERM)
        await program.process.wait()
    assert manager.heard()[-1] == "STOPPING=1"
