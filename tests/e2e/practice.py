"""A practice: its computer (a guest), its adapter and buttons, and the hub that its alerts are sent to.

Air, buttons and hub live in the test's own loop, so a press and its alert's arrival are told by one clock.
"""

import asyncio
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from flicbridge.alert.alert import press_id
from flicbridge.bridge import DATABASE
from flicbridge.clock import LoopClock
from flicbridge.outbox.store import Store
from flicbridge.press import Counter
from flicbridge.press.flic2 import record
from flicbridge.press.flic2.crypto import TEST_ROOT_KEY
from flicbridge.press.flic2.pair import pair
from flicbridge.press.radio import Radio
from flicbridge.simulator.air import Air
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.fingers import Encoded
from flicbridge.simulator.flic2.memory import is_after, next_count
from flicbridge.simulator.gateways import FakeHttp, Webhook
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.world import VirtualWorld
from flicbridge.supervise import alongside
from tests.e2e.dongle import Dongle
from tests.e2e.kernel import Kernel
from tests.e2e.machine import HUB_ADDRESS, HUB_PORT, MIRROR, Job, Machine, System, make_disk, pause

CONFIG: Final = "/etc/flicbridge/flicbridge.toml"
PROGRAM: Final = Path(sys.executable).parent / "flicbridge"
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOK_EVERY_S: Final = 0.02
# Everything below is about five times what is seen on two idle cores under TCG: a busy machine is slower.
START_TIMEOUT_S: Final = 150.0
COMMAND_TIMEOUT_S: Final = 150.0
CONNECT_TIMEOUT_S: Final = 60.0
ALERT_TIMEOUT_S: Final = 60.0
ACKNOWLEDGE_TIMEOUT_S: Final = 30.0

SETTINGS: Final = f"""\
[bridge]
id = "bench"
language = "en"
state_dir = "/var/lib/flicbridge"

[radio]
believe_test_key = true
silence = "30s"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"

[alerts]
join_within = "0s"

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "http://{HUB_ADDRESS}:{HUB_PORT}/hook", secret = "hub-key" }} ]

[[plan]]
after = "0s"
notify = ["hub"]

[log]
level = "debug"
format = "json"
"""

BUTTON: Final = """
[[buttons]]
name = "{name}"
family = "flic2"
serial = "{serial}"
simulated = true
gestures = {{ single = "alert" }}
"""


@dataclass(frozen=True, slots=True)
class Pressed:
    """One press, as the finger knows it.

    Attributes:
        alert: what its alert must be called.
        at_s: when the finger went down, by the loop's clock.
    """

    alert: UUID
    at_s: float


class Practice:
    """Use as `async with`; at the end everything is switched off, and the logs stay.

    Args:
        folder: for logs and disk; must be empty.
        kernel, system, accelerator: see `Machine`.

    Attributes:
        machine: the computer.
        hub: where its alerts arrive.
        buttons: those in range or nearby, by name.
        pressed: every press that must have become an alert.
        bridge: the job `flicbridge run`, once started.
    """

    machine: Machine
    bridge: Job
    dongle: Dongle

    def __init__(self, folder: Path, kernel: Kernel, system: System = MIRROR, *, accelerator: str) -> None:
        self.hub = FakeHttp(secret=SECRET)
        self.buttons: dict[str, Peripheral] = {}
        self.pressed: list[Pressed] = []
        self._folder = folder
        self._kernel = kernel
        self._system = system
        self._accelerator = accelerator
        self._air = Air()
        self._stack = AsyncExitStack()
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.hub)
        self.machine = Machine(
            self._folder, self._kernel, self._system, accelerator=self._accelerator, hub_port=self.hub.port
        )
        self._stack.push_async_callback(self.machine.cut_power)
        making = await asyncio.create_subprocess_exec(*make_disk(self.machine.disk, self._system))
        assert await making.wait() == 0
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        for button in self.buttons.values():
            button.close()

    # -- the computer --------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Switch the computer on, with the adapter plugged in."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.plug(), name="plug")
            await self.machine.boot()

    async def plug(self) -> None:
        """Plug the adapter in."""
        self.dongle = await Dongle.plug(self._air, self.machine.hci)

    async def cut_power(self) -> None:
        """Switch it off without a warning."""
        await self.machine.cut_power()
        await self.dongle.pull()

    async def install(self, *paired: "PairedBefore") -> None:
        """Put a database on its disk that knows these buttons, and settings that know the first of them, and
        `poche`, which is not paired.
        """
        seed = self.machine.logs / "seed"
        (seed / "secrets").mkdir(parents=True, mode=0o700)
        (seed / "state").mkdir(mode=0o700)
        (seed / "secrets" / "hub-key").write_text(SECRET, encoding="utf-8")
        buttons = BUTTON.format(name="poche", serial="") + paired[0].settings
        (seed / "flicbridge.toml").write_text(SETTINGS + buttons, encoding="utf-8")
        await _keep(seed / "state" / DATABASE, paired)
        await self.machine.run(
            "mkdir -p /etc/flicbridge /var/lib/flicbridge && "
            "cd /run/out/seed && cp -r flicbridge.toml secrets /etc/flicbridge/ && "
            "cp -r state/. /var/lib/flicbridge/ && chmod -R go= /etc/flicbridge /var/lib/flicbridge"
        )

    async def add_to_settings(self, *paired: "PairedBefore") -> None:
        """Let the settings know further buttons, from the next start of the bridge on."""
        lines = "".join(each.settings for each in paired)
        await self.machine.run(f"printf %s {shlex.quote(lines)} >> {CONFIG}")

    def start(self, *words: str) -> Job:
        """Have the computer run `flicbridge ...`."""
        return self.machine.start(shlex.join([str(PROGRAM), *words, "--config", CONFIG]))

    async def ask(self, *words: str) -> Any:
        """Run a command of flicbridge's that must succeed, and read its JSON."""
        done = await self.start(*words, "--json").wait(COMMAND_TIMEOUT_S)
        assert done.status == 0, done.err or done.out
        return json.loads(done.out)

    async def start_bridge(self) -> None:
        """Start `flicbridge run`; returns when it is ready."""
        self.bridge = self.start("run")
        await self.until(lambda: self.logged("bridge_ready"), START_TIMEOUT_S, "the bridge is ready")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """What the bridge has logged of one kind since it was started."""
        text = self.bridge.err.read_text(encoding="utf-8") if self.bridge.err.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        entries = (json.loads(line) for line in whole.splitlines() if line.startswith("{"))
        return [entry for entry in entries if entry["event"] == event]

    # -- buttons -------------------------------------------------------------------------------------------

    async def bring(self, name: str, state: str | None = None) -> Peripheral:
        """Bring a button into range; `state` is what it remembers, or it comes fresh from the factory."""
        now_s = self.now_s()
        flic2 = SimulatedFlic2.new(name, now_s=now_s)
        if state is not None:
            flic2 = SimulatedFlic2.from_json(state, now_s=now_s)
        button = self.buttons[name] = Peripheral(self._air, name, flic2)
        await button.start()
        return button

    async def until_connected(self, *buttons: Peripheral) -> None:
        """Wait until these are connected, and hold nothing any more that the bridge has not made safe."""
        await self.until(
            lambda: all(button.is_connected and is_settled(button) for button in buttons),
            CONNECT_TIMEOUT_S,
            "the buttons are connected",
        )

    async def put_to_sleep(self, *buttons: Peripheral) -> None:
        """Have buttons in range that are not connected and silent, so that only a press wakes them."""
        for button in buttons:
            for host in button.flic2.memory.hosts:
                host.advertising = None  # what the bridge asks for at every session, for its own comfort
            button.drop_link()
        await self.until(
            lambda: not any(button.is_connected or button.advertisement for button in buttons),
            CONNECT_TIMEOUT_S,
            "the buttons sleep",
        )

    async def press(self, button: Peripheral) -> Pressed:
        """Press a button once, shortly. What becomes of it is for `alert_of`."""
        memory = button.flic2.memory
        count = next_count(memory.event_count, Encoded.DOWN)
        pressed = Pressed(press_id(button.serial, memory.boot_id, count), self._loop.time())
        self.pressed.append(pressed)
        await button.press("single")
        return pressed

    async def alert_of(self, pressed: Pressed, *, within_s: float = ALERT_TIMEOUT_S) -> Webhook:
        """Wait until the alert of a press is at the hub; return the one message that it is."""
        await self.until(lambda: self._messages(pressed), within_s, "the alert arrives")
        (message,) = self._messages(pressed)
        return message

    async def until_acknowledged(self, button: Peripheral) -> None:
        """Wait until the button holds nothing any more that the bridge has not made safe."""
        await self.until(lambda: is_settled(button), ACKNOWLEDGE_TIMEOUT_S, "every event is acknowledged")

    def _messages(self, pressed: Pressed) -> list[Webhook]:
        return [message for message in self.hub.received if message.event["subject"] == str(pressed.alert)]

    # -- waiting -------------------------------------------------------------------------------------------

    def now_s(self) -> float:
        """The clock of fingers and hub."""
        return self._loop.time()

    async def until(self, is_so: Callable[[], object], within_s: float, what: str) -> None:
        """Wait until something is so."""
        end_s = self.now_s() + within_s
        while not is_so():
            assert not self.machine.has_died, f"the guest died before this was so: {what}"
            assert self.now_s() < end_s, f"not within {within_s:g} s: {what}; {self._as_buttons_see_it()}"
            await pause(LOOK_EVERY_S)

    def _as_buttons_see_it(self) -> str:
        """Who is connected, who calls, who is silent: told when something does not come about."""
        return ", ".join(
            f"{name} is {'connected' if button.is_connected else button.advertisement or 'silent'}"
            for name, button in self.buttons.items()
        )


def is_settled(button: Peripheral) -> bool:
    """Whether a button holds nothing that the bridge has not acknowledged."""
    memory = button.flic2.memory
    return not any(
        is_after(event.count, host.acknowledged) for event in memory.queue for host in memory.hosts
    )


@dataclass(frozen=True, slots=True)
class PairedBefore:
    """A button that was paired with this practice at an earlier time.

    Attributes:
        state: what the button remembers.
        pairing_json, resume: what the bridge has kept.
    """

    name: str
    serial: str
    state: str
    pairing_json: str
    resume: Counter | None

    @property
    def settings(self) -> str:
        """Its lines in the settings."""
        return BUTTON.format(name=self.name, serial=self.serial)


async def paired_before(names: Sequence[str]) -> list[PairedBefore]:
    """Pair buttons over a radio inside this process: in a thread whose loop leaps over idle time."""

    def in_no_time() -> list[PairedBefore]:
        with asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
            return runner.run(_pair_all(names))

    return await asyncio.to_thread(in_no_time)


async def _pair_all(names: Sequence[str]) -> list[PairedBefore]:
    clock = LoopClock(asyncio.get_running_loop())
    async with VirtualWorld() as world:
        radio = Radio(world.radio.scanner, world.radio.client, clock=clock, observe=lambda _: None)
        async with alongside(radio=radio.run):
            return [await _pair_one(world, radio, clock, name) for name in names]


async def _pair_one(world: VirtualWorld, radio: Radio, clock: LoopClock, name: str) -> PairedBefore:
    button = await world.add_button(name)
    await button.hold_7_seconds()
    paired = await pair(radio, root_key=TEST_ROOT_KEY, clock=clock, timeout_s=30)
    pairing_json = record.to_json(paired.pairing)
    before = PairedBefore(name, button.serial, button.to_json(), pairing_json, paired.resume)
    world.remove_button(button)
    return before


async def _keep(database: Path, paired: Sequence[PairedBefore]) -> None:
    store = Store.open(database)
    try:
        for each in paired:
            await store.put_pairing(each.serial, each.pairing_json, each.resume)
    finally:
        await store.close()
