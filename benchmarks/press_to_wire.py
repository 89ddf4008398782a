"""How long from a press to the wire, commit included: p50, p95 and p99.

    python benchmarks/press_to_wire.py [--presses 500]

Everything is real: the button's radio packet (or the virtual press), its verification, the gesture, the
commit with fsync, the courier, the signed HTTP request. The clock starts when bleak hands over the
notification (or when `press` is called) and stops when the first bytes of the request reach a receiver in
another process.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from pathlib import Path
from typing import IO, Any

import aiohttp

from flicbridge import logs
from flicbridge.bridge import open_bridge
from flicbridge.clock import SystemClock
from flicbridge.config import Settings, load
from flicbridge.credentials import Credentials, Environment
from flicbridge.gesture import GestureTable, Recogniser
from flicbridge.gesture.script import finger_script
from flicbridge.gesture.table import COMMON
from flicbridge.house import Bridge
from flicbridge.outbox.store import Store
from flicbridge.press import ButtonEvent, Counter, EventKind
from flicbridge.press.flic2 import record
from flicbridge.press.flic2.pair import pair
from flicbridge.simulator.flic2.memory import Identity
from flicbridge.simulator.room import simulated_radio, wake_buttons
from flicbridge.simulator.world import VirtualWorld

SETTINGS = """
bridge = {{ id = "benchmark", state_dir = "{folder}" }}
doctor = {{ name = "Dr Anne Martin", phone = "+33612345678" }}
alerts = {{ join_within = "0s" }}
radio = {{ simulated = true }}
recipients = [ {{ name = "hub", channels = [ {{ transport = "http", url = "{url}", secret = "hub" }} ] }} ]
plan = [ {{ after = "0s", notify = ["hub"] }} ]
[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}
[[buttons]]
name = "virtual"
family = "virtual"
gestures = {{ single = "alert" }}
[[buttons]]
name = "poche"
family = "flic2"
serial = "{serial}"
simulated = true
gestures = {{ single = "alert" }}
"""
PAUSE_S = 0.02  # nobody presses faster; what the last press left to do is done by then
CREDENTIALS = Credentials([Environment({"FLICBRIDGE_SECRET_HUB": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})])


class Receiver(asyncio.Protocol):
    """Answers 204 and prints when each request's first bytes came, with the alert it is about."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._began_s = 0.0
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        if not self._buffer:
            self._began_s = time.monotonic()
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if mark and length and len(body) >= int(length[1]):
            print(self._began_s, json.loads(body)["subject"], flush=True)
            assert isinstance(self._transport, asyncio.Transport)
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            self._buffer = b""


async def receive() -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def receiver() -> Iterator[tuple[int, IO[str]]]:
    process = subprocess.Popen([sys.executable, __file__, "--receive"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.stdout
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def running(settings: Settings, **how: Any) -> AsyncIterator[Bridge]:
    async with open_bridge(settings, CREDENTIALS, **how) as bridge, asyncio.TaskGroup() as group:
        task = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield bridge
        task.cancel()


def stamp_notifications(client: type[Any], stamps: list[float]) -> type[Any]:
    """The same bleak backend, noting when it hands over each notification."""

    class Stamped(client):  # type: ignore[misc]
        async def start_notify(
            self, characteristic: Any, callback: Callable[..., None], **kwargs: Any
        ) -> None:
            def stamped(data: bytearray) -> None:
                stamps.append(time.monotonic())
                callback(data)

            await super().start_notify(characteristic, stamped, **kwargs)

    return Stamped


async def bare_posts(url: str, arrivals: IO[str], times: int) -> list[float]:
    """The yardstick: what aiohttp alone needs on this machine, without queue, commit, words or signature."""
    took = []
    body = json.dumps({"subject": "bare", "filler": "x" * 1200}).encode()
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            began_s = time.monotonic()
            async with session.post(url, data=body):
                pass
            took.append(float((await asyncio.to_thread(arrivals.readline)).split()[0]) - began_s)
            await asyncio.to_thread(time.sleep, PAUSE_S)
    return took


async def virtual_presses(settings: Settings, arrivals: IO[str], presses: int) -> list[float]:
    took = []
    async with running(settings, clock=SystemClock()) as bridge:
        for _ in range(presses):
            began_s = time.monotonic()
            taken = await bridge.press("virtual", "single")
            arrived_s, alert = (await asyncio.to_thread(arrivals.readline)).split()
            assert alert == str(taken.alert)
            took.append(float(arrived_s) - began_s)
            await asyncio.to_thread(time.sleep, PAUSE_S)
    return took


async def button_presses(settings: Settings, folder: Path, arrivals: IO[str], presses: int) -> list[float]:
    clock, took, stamps = SystemClock(), list[float](), list[float]()
    async with VirtualWorld() as world:
        buttons = await wake_buttons(world, ["poche"], folder / "none")
        world.radio.client = stamp_notifications(world.radio.client, stamps)
        async with simulated_radio(world, buttons, clock=clock, observe=lambda _: None) as room:
            hold = asyncio.ensure_future(buttons["poche"].hold_7_seconds())  # noqa: TID251 - benchmark
            paired = await pair(room.radio, root_key=room.root_key, clock=clock, timeout_s=30)
            await hold
            store = Store.open(settings.bridge.state_dir / "flicbridge.db")
            await store.put_pairing(paired.pairing.serial, record.to_json(paired.pairing))
            await store.close()
            async with running(settings, clock=clock, room=room) as bridge:
                await buttons["poche"].press([(0.0, 0.05)])  # wakes the link
                await asyncio.to_thread(arrivals.readline)
                await clock.sleep(2)
                for _ in range(presses):
                    stamps.clear()
                    _, line = await asyncio.gather(
                        buttons["poche"].press([(0.0, 0.005)]), asyncio.to_thread(arrivals.readline)
                    )
                    took.append(float(line.split()[0]) - stamps[0])
                    await clock.sleep(PAUSE_S)
                assert bridge.ready.is_set()
    return took


def decisions(times: int) -> list[float]:
    """How long the recogniser takes for one event, with every common gesture configured."""
    table = GestureTable(COMMON)
    took = []
    for number in range(times):
        recogniser = Recogniser(table)
        for name in COMMON:
            for down_s, up_s in finger_script(table, name):
                for kind, at_s in ((EventKind.DOWN, down_s), (EventKind.UP, up_s)):
                    counter = Counter(1, number)
                    event = ButtonEvent("b", "s", kind, 100.0 * number + at_s, counter, False, 0.0, 0.0)
                    began_s = time.perf_counter()
                    recogniser.feed(event)
                    took.append(time.perf_counter() - began_s)
            recogniser.reset()
    return took


def show(what: str, took: list[float]) -> None:
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    p50, p95, p99 = (f"{1000 * cuts[at - 1]:8.3f}" for at in (50, 95, 99))
    print(f"{what:<42} {len(took):>6} {p50} {p95} {p99}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.receive:
        asyncio.run(receive())
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        logs.set_up("json", "info")  # as in a service
        measure(arguments.presses)


def measure(presses: int) -> None:
    print(f"{'from ... to the receiver, ms':<42} {'times':>6} {'p50':>8} {'p95':>8} {'p99':>8}")
    with tempfile.TemporaryDirectory() as name, receiver() as (port, arrivals):
        folder = Path(name)
        (folder / "state").mkdir()
        (folder / "benchmark.toml").write_text(
            SETTINGS.format(
                folder=folder / "state",
                url=f"http://127.0.0.1:{port}/hook",
                serial=Identity.made_for("poche").serial,
            )
        )
        settings = load(folder / "benchmark.toml", secrets=False)
        show(
            "(a bare POST by aiohttp)",
            asyncio.run(bare_posts(f"http://127.0.0.1:{port}/", arrivals, presses)),
        )
        show("a virtual press", asyncio.run(virtual_presses(settings, arrivals, presses)))
        show("a Flic 2's notification", asyncio.run(button_presses(settings, folder, arrivals, presses)))
    show("the decision alone, per event", decisions(presses))


if __name__ == "__main__":
    main()
