"""The program with Flic 1 buttons: flicd comes, goes and lies, and each press arrives as one alert."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.house import Bridge
from flicbridge.simulator.flicd import FakeFlicd, Flic1
from flicbridge.simulator.gateways import FakeHttp

type Start = Callable[..., AbstractAsyncContextManager[Any]]
type Inside = Callable[[Path], AbstractAsyncContextManager[Bridge]]
type WriteConfig = Callable[..., Path]

CLICK = [(0.0, 0.1)]
ADDRESSES = {"poche": "80:E4:DA:71:B2:C3", "accueil": "80:E4:DA:00:00:01"}


@pytest.fixture
async def daemon() -> AsyncIterator[FakeFlicd]:
    async with FakeFlicd(LoopClock(asyncio.get_running_loop())) as daemon:
        yield daemon


@pytest.fixture
async def hub(secret: str) -> AsyncIterator[FakeHttp]:
    async with FakeHttp(secret=secret) as hub:
        yield hub


@pytest.fixture
async def flics(daemon: FakeFlicd) -> dict[str, Flic1]:
    return {name: daemon.add_button(address) for name, address in ADDRESSES.items()}


@pytest.fixture
def config(daemon: FakeFlicd, flics: dict[str, Flic1], hub: FakeHttp, write_config: WriteConfig) -> Path:
    buttons = "".join(
        f'[[buttons]]\nname = "{name}"\nfamily = "flicd"\naddress = "{flic.address.lower()}"\n'
        'gestures = { single = "alert", long = "alert", double = "test", triple = "cancel" }\n'
        for name, flic in flics.items()
    )
    return write_config(
        hub.url, buttons=f'{buttons}[alerts]\njoin_within = "0s"\n[flicd]\nport = {daemon.port}\n'
    )


async def bridge_says(bridge: Bridge, said: Callable[[Any], bool]) -> None:
    """Wait until its status says so."""
    clock = LoopClock(asyncio.get_running_loop())
    async with asyncio.timeout(30):
        while not said(await bridge.status()):
            await clock.sleep(0.1)


def all_up(status: Any) -> bool:
    return {b["link"] for b in status["buttons"] if b["family"] == "flicd"} == {"up"}


@pytest.mark.real_time
async def test_a_press_arrives_with_both_buttons_on_one_connection(
    start: Start, config: Path, daemon: FakeFlicd, flics: dict[str, Flic1], hub: FakeHttp
) -> None:
    async with start(config) as program:
        status = await program.status_when(all_up)
        problems = {p["problem"] for p in status["problems"] if p["part"] != "host"}  # the test's own machine
        assert (problems, status["flicd"]["state"]) == ({"channel_unproven"}, "connected")
        await flics["poche"].press(CLICK)
        await hub.wait_for(1, within_s=60)
        await flics["accueil"].press([(0.0, 0.1), (0.3, 0.4)])
        await hub.wait_for(2, within_s=60)
    alerts = [webhook.event["data"] for webhook in hub.received]
    assert [(alert["kind"], alert["gesture"]) for alert in alerts] == [
        ("emergency", "single"),
        ("test", "double"),
    ]
    assert daemon.connections == 1


@pytest.mark.real_time
async def test_flicd_starts_late_dies_and_lies_and_the_next_press_arrives_each_time(
    start: Start, config: Path, daemon: FakeFlicd, flics: dict[str, Flic1], hub: FakeHttp
) -> None:
    daemon.stop()
    async with start(config) as program:
        status = await program.status_when(lambda status: status["flicd"]["state"] == "unreachable")
        assert {"flicd_unreachable", "not_connected"} <= {p["problem"] for p in status["problems"]}
        daemon.start()
        await program.status_when(all_up)
        await flics["poche"].press(CLICK)
        await hub.wait_for(1, within_s=60)

        daemon.stop()
        await flics["poche"].press([(0.0, 1.2)])  # while it is dead
        daemon.start()
        await hub.wait_for(2, within_s=60)

        before = daemon.connections
        daemon.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await program.status_when(lambda status: daemon.connections > before and all_up(status))
        await flics["poche"].press(CLICK)
        await hub.wait_for(3, within_s=60)
        listed = await program.ask("alerts", "list")
    alerts = listed["alerts"] if isinstance(listed, dict) else listed
    assert [(alert["presses"], alert["gesture"]) for alert in alerts] == [
        (1, "single"),
        (1, "long"),
        (1, "single"),
    ]
    assert hub.duplicates == 0


async def test_a_hanging_flicd_is_noticed_and_the_press_arrives_when_it_is_well_again(
    inside: Inside, config: Path, daemon: FakeFlicd, flics: dict[str, Flic1], hub: FakeHttp
) -> None:
    async with inside(config) as bridge:
        await bridge_says(bridge, all_up)
        daemon.is_deaf = True
        await bridge_says(bridge, lambda status: status["flicd"]["state"] == "unreachable")
        daemon.is_deaf = False
        await bridge_says(bridge, all_up)
        await flics["poche"].press(CLICK)
        await hub.wait_for(1, within_s=20)


@pytest.mark.real_time
async def test_settings_that_cannot_be_trusted_or_miss_the_address_are_refused_with_a_remedy(
    config: Path, command: Callable[..., Any]
) -> None:
    text = config.read_text()
    for wrong, remedy in (
        (text.replace("[flicd]", '[flicd]\nhost = "192.168.1.5"'), "i_accept_spoofing = true"),
        (text.replace('address = "80:e4:da:71:b2:c3"\n', ""), "flicd knows a button by its address"),
        (text.replace("80:e4:da:71:b2:c3", "80-e4-da-71-b2-c3"), "is no Bluetooth address"),
        (text.replace("80:e4:da:71:b2:c3", "80:E4:da:00:00:01"), "is taken by"),
    ):
        config.write_text(wrong)
        code, out, err = await command("config", "check", str(config))
        assert (code, "Traceback" in err) == (2, False), out + err
        assert remedy in " ".join((out + err).split())
