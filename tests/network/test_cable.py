"""On a real network stack: cables that are pulled, packets that are dropped, name servers that are silent."""

import asyncio
import json
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flicbridge.api.client import ApiClient
from flicbridge.channel import TransportCarrier, Words
from flicbridge.clock import Clock
from flicbridge.network import watch_network
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Job
from flicbridge.outbox.schedule import Schedule
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.supervise import alongside
from flicbridge.transport.base import Context
from flicbridge.transport.http import HttpOptions, HttpTransport

pytestmark = pytest.mark.real_time

type MakeJob = Callable[..., Job]
type Record = Callable[[str, object], None]
"""Takes what `make chaos` shows: presses, told, worst_s."""

TOWN_ADDRESS = "10.77.0.2"
SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BACKOFF = Schedule(first_s=60.0, soon_longest_s=60.0, jitter=0.0)
"""One that would not end within any of these tests."""
SOON = Schedule(first_s=0.3, factor=1.0, jitter=0.0)


@dataclass
class Town:
    """The receivers of two channels."""

    samu: FakeHttp
    hub: FakeHttp
    courier: Courier


@pytest.fixture
def town_of(cable: Any, clock: Clock, notebook: Any) -> Callable[..., Any]:
    """Open two receivers in the town, and in the practice a courier with a channel to each."""

    @asynccontextmanager
    async def opened(schedule: Schedule) -> AsyncIterator[Town]:
        async with AsyncExitStack() as stack:
            gateways = {}
            for name in ("samu", "hub"):
                gateways[name] = FakeHttp(secret=SIGNING_KEY)
                gateways[name].host = TOWN_ADDRESS
                with cable.inside(cable.town):  # a socket stays where it was made
                    await stack.enter_async_context(gateways[name])
            stack.enter_context(cable.inside(cable.practice))
            carriers = {f"{name}/0": await _carrier(stack, gateways[name], clock) for name in gateways}
            courier = Courier(
                carriers, notebook, clock=clock, observe=lambda _: None, schedule=schedule, random=lambda: 0.0
            )

            def redial() -> None:
                for carrier in carriers.values():
                    carrier.redial()

            watch = lambda: watch_network(courier.hurry, redial)  # noqa: E731
            await stack.enter_async_context(alongside(courier=courier.run, watch=watch))
            await clock.sleep(0.05)
            yield Town(**gateways, courier=courier)

    return opened


async def _carrier(stack: AsyncExitStack, gateway: FakeHttp, clock: Clock) -> TransportCarrier:
    second = timedelta(seconds=1)
    options = HttpOptions(transport="http", url=gateway.url, secret="key", timeout=second, patience=second)
    transport = HttpTransport(options, Context(lambda _: SIGNING_KEY, clock, "tilleuls-1"))
    await stack.enter_async_context(transport)
    return TransportCarrier(transport, Words("fr", "Europe/Paris", timedelta(seconds=60)), clock)


def note(record_property: Record, presses: int, told: int, worst_s: float) -> None:
    record_property("presses", presses)
    record_property("told", told)
    record_property("worst_s", round(worst_s, 3))


async def until(happened: Callable[[], bool], clock: Clock, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not happened():
            await clock.sleep(0.01)


async def test_a_message_leaves_as_soon_as_the_link_is_up_though_the_backoff_stands_at_a_minute(
    cable: Any,
    town_of: Callable[..., Any],
    make_job: MakeJob,
    notebook: Any,
    clock: Clock,
    record_property: Record,
) -> None:
    async with town_of(BACKOFF) as town:
        cable.plug("down")
        await clock.sleep(0.3)
        town.courier.hand_over([make_job("samu/0")])
        await until(lambda: len(notebook.settled) == 1, clock, 5)
        await clock.sleep(0.5)
        assert notebook.outcomes in (["temporary"], ["unknown"])
        assert town.samu.received == []
        cable.plug("up")
        plugged_s = clock.now_s()
        await town.samu.wait_for(1, within_s=5)
        late_s = town.samu.received[0].at_s - plugged_s
        assert late_s < 1
        await until(lambda: notebook.outcomes[-1] == "sent", clock, 5)
    assert town.samu.duplicates == 0
    note(record_property, 1, 1, late_s)


async def test_a_connection_that_hangs_on_a_dead_path_begins_anew_with_the_network(
    cable: Any,
    town_of: Callable[..., Any],
    make_job: MakeJob,
    notebook: Any,
    clock: Clock,
    record_property: Record,
) -> None:
    async with town_of(BACKOFF) as town:
        cable.filter("-p", "tcp", "-j", "DROP")
        town.courier.hand_over([make_job("samu/0")])
        await clock.sleep(0.3)
        cable.filter()  # the kernel would knock again a second after the first time, when the try has ended
        changed_s = clock.now_s()
        cable.move("10.77.0.9")
        await town.samu.wait_for(1, within_s=5)
        late_s = town.samu.received[0].at_s - changed_s
        await until(lambda: len(notebook.settled) == 1, clock, 5)
        assert notebook.outcomes == ["sent"]  # the same try, not another one
        assert late_s < 0.4
    note(record_property, 1, 1, late_s)


async def test_packets_that_vanish_hold_up_nobody_else_and_the_alert_arrives_when_they_no_longer_do(
    cable: Any,
    town_of: Callable[..., Any],
    make_job: MakeJob,
    notebook: Any,
    clock: Clock,
    record_property: Record,
) -> None:
    async with town_of(SOON) as town:
        cable.filter("-p", "tcp", "--dport", str(town.samu.port), "-j", "DROP")
        began_s = clock.now_s()
        town.courier.hand_over([make_job("samu/0"), make_job("hub/0")])
        await town.hub.wait_for(1, within_s=5)
        assert town.hub.received[0].at_s - began_s < 0.5
        await until(lambda: len(notebook.settled) >= 3, clock, 5)
        assert notebook.outcomes == ["sent", "temporary", "temporary"]  # nothing was sent, so nothing unknown
        cable.filter()
        ended_s = clock.now_s()
        await town.samu.wait_for(1, within_s=5)
        late_s = town.samu.received[0].at_s - ended_s
        assert late_s < 2.5
    assert len(town.samu.received) == 1
    note(record_property, 2, 2, late_s)


async def test_a_connection_that_goes_silent_leaves_a_doubt_and_the_key_removes_it(
    cable: Any,
    town_of: Callable[..., Any],
    make_job: MakeJob,
    notebook: Any,
    clock: Clock,
    record_property: Record,
) -> None:
    async with town_of(SOON) as town:
        town.courier.hand_over([make_job("samu/0", 1)])
        await town.samu.wait_for(1, within_s=5)
        await until(lambda: notebook.outcomes == ["sent"], clock, 5)
        cable.filter("-j", "DROP")  # the line is still open, and the next message goes out on it
        town.courier.hand_over([make_job("samu/0", 2)])
        await until(lambda: len(notebook.settled) == 2, clock, 5)
        assert notebook.outcomes == ["sent", "unknown"]
        cable.filter()
        ended_s = clock.now_s()
        await until(lambda: notebook.outcomes[-1] == "sent", clock, 8)
        late_s = clock.now_s() - ended_s
    assert len(town.samu.received) == 2
    assert len({webhook.key for webhook in town.samu.received}) == 2
    note(record_property, 2, 2, late_s)


async def test_a_third_of_all_packets_lost_costs_time_and_nothing_else(
    cable: Any, town_of: Callable[..., Any], make_job: MakeJob, record_property: Record
) -> None:
    async with town_of(SOON) as town:
        lossy = ("-m", "statistic", "--mode", "nth", "--every", "3", "--packet", "0", "-j", "DROP")
        cable.filter("-p", "tcp", "--dport", str(town.samu.port), *lossy)
        town.courier.hand_over([make_job("samu/0", count) for count in range(1, 6)])
        await town.samu.wait_for(5, within_s=20)
    assert len(town.samu.received) == 5
    note(record_property, 5, 5, 0.0)  # it never ended


# -- name servers ----------------------------------------------------------------------------------------

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

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert" }}

[[recipients]]
name = "samu"
channels = [ {{ transport = "http", url = "http://samu.example:{samu}", secret = "key" }} ]

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "http://10.77.0.2:{hub}", secret = "key" }} ]

[[plan]]
after = "0s"
notify = ["samu", "hub"]
"""


class NameServer(asyncio.DatagramProtocol):
    """Knows one address for every name; or is silent, or says that it is broken.

    Attributes:
        mood: `well`, `silent` or `servfail`.
        asked: how many questions came.
    """

    def __init__(self, mood: str) -> None:
        self.mood = mood
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._line = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        if self.mood == "silent":
            return
        question_end = data.index(0, 12) + 5
        (kind,) = struct.unpack_from(">H", data, question_end - 4)
        answers = int(kind == 1 and self.mood == "well")  # an A record, and no AAAA
        flags = 0x8180 | (2 if self.mood == "servfail" else 0)
        head = data[:2] + struct.pack(">HHHHH", flags, 1, answers, 0, 0)
        address = struct.pack(">HHHIH4s", 0xC00C, 1, 1, 1, 4, socket.inet_aton(TOWN_ADDRESS)) * answers
        self._line.sendto(head + data[12:question_end] + address, addr)


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize("mood", ["silent", "servfail"])
async def test_without_names_other_channels_work_and_the_alert_leaves_when_names_are_back(
    cable: Any, clock: Clock, tmp_path: Path, mood: str, record_property: Record
) -> None:
    async with AsyncExitStack() as stack:
        samu, hub = FakeHttp(secret=SIGNING_KEY), FakeHttp(secret=SIGNING_KEY)
        samu.host = hub.host = TOWN_ADDRESS
        with cable.inside(cable.town):
            await stack.enter_async_context(samu)
            await stack.enter_async_context(hub)
            asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            asked.bind((TOWN_ADDRESS, 53))
        names = NameServer(mood)
        loop = asyncio.get_running_loop()
        line, _ = await loop.create_datagram_endpoint(lambda: names, sock=asked)
        stack.callback(line.close)
        config = tmp_path / "flicbridge.toml"
        config.write_text(SETTINGS.format(samu=samu.port, hub=hub.port))
        await stack.enter_async_context(program(cable.practice, config))
        pressed_s = clock.now_s()
        await ApiClient(tmp_path / "state").press("bureau")
        await hub.wait_for(1, within_s=10)
        assert hub.received[0].at_s - pressed_s < 1
        await until(lambda: names.asked >= 4, clock, 30)
        assert samu.received == []
        names.mood = "well"
        mended_s = clock.now_s()
        await samu.wait_for(1, within_s=40)
        late_s = samu.received[0].at_s - mended_s
        assert late_s < 15
    assert len(samu.received) == 1
    note(record_property, 1, 2, late_s)


@asynccontextmanager
async def program(namespace: str, config: Path) -> AsyncIterator[None]:
    """The program itself, living in a namespace, from when it takes presses."""
    process = await start("ip", "netns", "exec", namespace, *flicbridge("run", "--config", str(config)))
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            async for said in process.stderr:
                if json.loads(said)["event"] == "bridge_ready":
                    break
        yield
    finally:
        process.terminate()
        async with asyncio.timeout(60):
            await process.communicate()


def flicbridge(*words: str) -> tuple[str, ...]:
    return sys.executable, "-m", "flicbridge", *words


async def start(*command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "FLICBRIDGE_SECRET_KEY": SIGNING_KEY, "NO_COLOR": "1"},
    )
