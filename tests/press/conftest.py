"""A bench: simulated buttons on a virtual radio, and the driver at work on it, through bleak."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from bleak.backends.adapter import BaseBleakAdapter

from flicbridge.clock import LoopClock
from flicbridge.observation import Observation, Value
from flicbridge.press.event import ButtonEvent, Counter
from flicbridge.press.flic2.link import Flic2Link
from flicbridge.press.flic2.pair import PairedButton, pair
from flicbridge.press.radio import Radio
from flicbridge.press.source import Heard, LinkUp, PressesLost
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.power import VirtualPower
from flicbridge.simulator.world import VirtualWorld

type OpenBench = Callable[[], AbstractAsyncContextManager["Bench"]]


class Follower:
    """One link at work, and everything it let us hear."""

    def __init__(self, link: Flic2Link, tasks: asyncio.TaskGroup, stir: Callable[[], None]) -> None:
        self.link = link
        self.heard: list[Heard] = []
        self._stir = stir
        self.task = tasks.create_task(link.run(self.hear), name=f"follow {link.button}")

    def hear(self, item: Heard) -> None:
        self.heard.append(item)
        self._stir()

    @property
    def events(self) -> list[ButtonEvent]:
        return [item for item in self.heard if isinstance(item, ButtonEvent)]

    @property
    def links_up(self) -> list[LinkUp]:
        return [item for item in self.heard if isinstance(item, LinkUp)]

    @property
    def lost(self) -> list[PressesLost]:
        return [item for item in self.heard if isinstance(item, PressesLost)]

    def kinds(self) -> str:
        """The events so far, such as `down up still`."""
        return " ".join(event.kind for event in self.events)

    def acknowledge_all(self) -> None:
        self.link.acknowledge(self.events[-1].counter)


class Bench:
    """Everything a test of the driver needs."""

    def __init__(self, world: VirtualWorld, tasks: asyncio.TaskGroup) -> None:
        self.world = world
        self.tasks = tasks
        self.clock = LoopClock(asyncio.get_running_loop())
        self.said: list[Observation] = []
        self._stirred = asyncio.Event()
        self.power = VirtualPower(world.radio, clock=self.clock)
        self.radio = self.new_radio()
        self.running = [tasks.create_task(self.radio.run(), name="radio")]

    def new_radio(self, adapter_backend: type[BaseBleakAdapter] | None = None) -> Radio:
        return Radio(
            self.world.radio.scanner,
            self.world.radio.client,
            clock=self.clock,
            observe=self.observe,
            adapter_backend=adapter_backend,
            power=self.power,
        )

    def observe(self, observation: Observation) -> None:
        self.said.append(observation)
        self.stir()

    def values(self, subject: str, fact: str) -> list[Value]:
        return [said.value for said in self.said if (said.subject, said.fact) == (subject, fact)]

    def now(self, subject: str, fact: str) -> Value:
        return (self.values(subject, fact) or [None])[-1]

    def stir(self) -> None:
        self._stirred.set()

    async def until(self, truth: Callable[[], bool], *, within_s: float = 60.0) -> float:
        """Wait until something is true after somebody was heard or observed; return how long it took."""
        began_s = self.clock.now_s()
        async with asyncio.timeout(within_s):
            while not truth():
                self._stirred.clear()
                await self._stirred.wait()
        return self.clock.now_s() - began_s

    async def add_paired(self, name: str) -> tuple[Peripheral, PairedButton]:
        """Bring a button and pair with it, as a person would, then let it sleep until it is pressed."""
        button = await self.world.add_button(name)
        await button.hold_7_seconds()
        paired = await pair(self.radio, root_key=TEST_ROOT_PUBLIC, clock=self.clock, timeout_s=30)
        await self.clock.sleep(3)  # BlueZ, and the virtual radio, take two to disconnect
        for host in button.flic2.memory.hosts:
            host.advertising = None
        button.ping()  # makes it look at its settings
        assert not button.is_connected
        assert button.advertisement is None
        return button, paired

    def follow(
        self,
        name: str,
        paired: PairedButton,
        *,
        resume: Counter | None = None,
        rest_after_s: float | None = None,
    ) -> Follower:
        """Start a link, as the bridge does."""
        link = Flic2Link(
            name,
            paired.pairing,
            resume or paired.resume,
            self.radio,
            root_key=TEST_ROOT_PUBLIC,
            clock=self.clock,
            observe=self.observe,
            rest_after_s=rest_after_s,
        )
        follower = Follower(link, self.tasks, self.stir)
        self.running.append(follower.task)
        return follower

    async def follow_connected(self, name: str) -> tuple[Peripheral, Follower]:
        """Bring a button, pair, follow it, and have it connected by a press that is settled already."""
        button, paired = await self.add_paired(name)
        follower = self.follow(name, paired)
        await button.press("long")
        await self.until(lambda: follower.kinds().endswith("up"))
        follower.acknowledge_all()
        await self.clock.sleep(1)
        follower.heard.clear()
        assert button.flic2.memory.queue == []
        return button, follower


@asynccontextmanager
async def bench_with_radio() -> AsyncGenerator[Bench]:
    async with VirtualWorld() as world, asyncio.TaskGroup() as tasks:
        bench = Bench(world, tasks)
        await bench.until(lambda: bench.now("radio", "state") == "scanning")
        try:
            yield bench
        finally:
            for task in bench.running:
                task.cancel()


@pytest.fixture
def open_bench() -> OpenBench:
    """Opens a bench whose radio is scanning: `async with open_bench() as bench`."""
    return bench_with_radio


# ---- a bus, for what is said to BlueZ

BUS = """<busconfig><type>system</type><listen>unix:path={socket}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>{policy}
</policy></busconfig>"""


@pytest.fixture
def bus_policy() -> str:
    """What the bus forbids, for tests to replace."""
    return ""


@pytest.fixture
async def system_bus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bus_policy: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A dbus-daemon of our own in the place of the machine's."""
    config, socket = tmp_path / "bus.conf", tmp_path / "bus"
    config.write_text(BUS.format(socket=socket, policy=bus_policy))
    command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"]
    daemon = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert daemon.stdout
    address = (await daemon.stdout.readline()).decode().strip()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    yield daemon
    if daemon.returncode is None:
        daemon.terminate()
    await daemon.wait()
