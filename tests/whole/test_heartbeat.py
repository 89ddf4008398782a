"""An outside watch hears from the bridge while all is well, and what else it hears, or does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock, SystemClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError
from flicbridge.heartbeat import AGAIN_S, SETTLE_S, Heartbeat
from flicbridge.house import Bridge
from flicbridge.observation import Observation
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakeHttp, Fault
from flicbridge.simulator.gateways.web import Reply, Request, WebGateway

EVERY_S = 300.0
MAINTAINER = '\n[maintainer]\nheartbeat = "heartbeat-url"\n'
ID = "/4d0f3c52-6a5e-4d3c-9c41-5e6c7d8e9f00"


class Switch(WebGateway[tuple[str, list[str]]]):
    """A dead-man's switch: remembers where it was called, and what it was told."""

    def answer(self, request: Request) -> Reply:
        self._arrived((request.path, request.body.decode().splitlines()))
        return Reply(200, b"OK")


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    async with Switch() as listening:
        yield listening


@pytest.fixture
async def hub() -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as listening:
        yield listening


@pytest.fixture
async def bridge(
    write_config: Callable[..., Path], tmp_path: Path, switch: Switch, hub: FakeHttp, secret: str
) -> AsyncIterator[Bridge]:
    config = write_config(hub.url)
    config.write_text(config.read_text() + MAINTAINER)
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    for name, value in {"hub-key": secret, "heartbeat-url": f"{switch.url}{ID}"}.items():
        (secrets / name).write_text(value)
        (secrets / name).chmod(0o600)
    clock = LoopClock(asyncio.get_running_loop())
    async with (
        open_bridge(
            load(config), Credentials.beside(config), clock=clock, manager=ServiceManager()
        ) as bridge,
        asyncio.TaskGroup() as group,
    ):
        running = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield bridge
        running.cancel()


@pytest.fixture
async def clock() -> LoopClock:
    return LoopClock(asyncio.get_running_loop())


async def problems(bridge: Bridge) -> set[str]:
    return {problem["problem"] for problem in (await bridge.status())["problems"]}


async def test_it_hears_regularly_how_the_bridge_is(bridge: Bridge, switch: Switch, clock: LoopClock) -> None:
    await clock.sleep(SETTLE_S + 3 * EVERY_S + 1)
    assert [path for path, _ in switch.received] == [ID] * 4
    state, *because = switch.received[0][1]  # the machine of the test may have its own troubles
    assert (state, "channel:hub/0/channel_unproven" in because) == ("degraded", True)


async def test_it_hears_at_another_address_that_the_doctor_is_not_protected(
    bridge: Bridge, switch: Switch, clock: LoopClock
) -> None:
    bridge.board.observe(Observation("channel:hub/0", "state", "refused"))
    await clock.sleep(SETTLE_S + 1)
    assert switch.received == [(f"{ID}/fail", ["not_protected", "channel:hub/0/channel_refused"])]


async def test_it_hears_so_of_a_receiver_that_died_although_nobody_pressed(
    bridge: Bridge, switch: Switch, hub: FakeHttp, clock: LoopClock
) -> None:
    await clock.sleep(SETTLE_S + 1)
    hub.fault = Fault(kind="refuse")
    await clock.sleep(3 * EVERY_S)
    path, [state, because, *_] = switch.received[-1]
    assert (path, state, because) == (f"{ID}/fail", "not_protected", "channel:hub/0/channel_sick")


async def test_it_hears_nothing_while_nothing_is_proven(
    bridge: Bridge, switch: Switch, clock: LoopClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clock.sleep(SETTLE_S + 1)

    async def never(*_: Any) -> float:
        await asyncio.Event().wait()
        return 0.0

    monkeypatch.setattr("flicbridge.canary.Canary.sing", never)
    await clock.sleep(60)
    heard = len(switch.received)
    await clock.sleep(5 * EVERY_S)
    assert len(switch.received) == heard


async def test_what_did_not_get_through_is_told_again_soon_and_shows(
    bridge: Bridge, switch: Switch, clock: LoopClock
) -> None:
    switch.fault = Fault(kind="status", status=503)
    await clock.sleep(SETTLE_S + 1)
    assert "watched_by_nobody" in await problems(bridge)
    switch.fault = None
    await clock.sleep(AGAIN_S + 1)
    assert len(switch.received) == 1
    assert "watched_by_nobody" not in await problems(bridge)


def test_a_secret_that_is_no_address_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as refused:
        Heartbeat("hc-ping.example/secret", 60.0, SystemClock(), lambda _: None)
    assert "maintainer.heartbeat" in str(refused.value)
    assert "secret;" not in str(refused.value)
    assert "hc-ping" not in str(refused.value)
