"""A practice whose bridge has a wall clock of its own, to be set wrong, set right, and put to sleep.

    async with Clockwork(folder, error_s=-8 * 3600) as practice:
        await practice.press()
        practice.clock.step(8 * 3600)
        await practice.pass_time(60)

Receivers go by the right time, as the world does. Everything is real but the radio; on a loop that leaps
(`flicbridge.simulator.leap`) hours pass in moments.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.house import Bridge
from flicbridge.outbox.ledger import Taken
from flicbridge.simulator.gateways import FakeHttp, FakePhone, Fault, Sms, Webhook
from flicbridge.simulator.standins import RehearsalSecrets

KEY: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD: Final = "only-a-rehearsal"  # noqa: S105 - of a gateway in this process
BUTTON: Final = "bureau"
CUT: Final = Fault(kind="refuse")
START_TIMEOUT_S: Final = 60.0

STEP_AFTER_S: Final = 60.0

SETTINGS: Final = """
[bridge]
id = "tilleuls-1"
state_dir = "state"
language = "fr"
timezone = "{zone}"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert", double = "test", triple = "cancel" }}

[[recipients]]
name = "samu"
[[recipients.channels]]
transport = "smsgate"
to = "+33555000015"
url = "{phone}"
username = "sms"
secret = "phone"

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "{hub}", secret = "key" }} ]

[[recipients]]
name = "colleague"
channels = [ {{ transport = "http", url = "{colleague}", secret = "key" }} ]

[[plan]]
after = "0s"
notify = ["samu", "hub"]

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["colleague"]
repeat = "5m"
times = 3
"""


class Clockwork:
    """Use as `async with`.

    Args:
        folder: for settings and state.
        right_at: what time it really is.
        error_s: how far ahead of that the bridge's wall clock is.
        zone: where the practice is.

    Attributes:
        right: the right time.
        clock: the bridge's clocks.
        hub, phone: whom the first step of the plan tells.
        colleague: whom the second step tells, a minute later.
    """

    def __init__(
        self,
        folder: Path,
        *,
        right_at: datetime = datetime(2026, 11, 22, 13, 2, tzinfo=UTC),
        error_s: float = 0.0,
        zone: str = "Europe/Paris",
    ) -> None:
        loop = asyncio.get_running_loop()
        self.right = LoopClock(loop, wall_at=right_at)
        self.clock = LoopClock(loop, wall_at=right_at)
        self.clock.step(error_s)
        self.hub, self.colleague = (FakeHttp(secret=KEY, clock=self.right) for _ in range(2))
        self.phone = FakePhone(password=PASSWORD, clock=self.right)
        self._folder = folder
        self._zone = zone
        self._stack = AsyncExitStack()
        self._group = asyncio.TaskGroup()
        self._bridge: Bridge | None = None
        self._stop: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._group)
        for gateway in (self.hub, self.phone, self.colleague):
            await self._stack.enter_async_context(gateway)
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._stack.aclose()  # an error of the visitor's is not the group's, which would wrap it

    @property
    def bridge(self) -> Bridge:
        """The bridge that runs."""
        if self._bridge is None:
            raise RuntimeError("no bridge runs")
        return self._bridge

    async def start(self) -> None:
        """Start the bridge, and wait until it takes presses."""
        is_ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._running = self._group.create_task(self._run(is_ready, self._stop), name="bridge")
        async with asyncio.timeout(START_TIMEOUT_S):
            await is_ready.wait()

    async def stop(self) -> None:
        """Stop the bridge; nothing is written after that."""
        if self._stop is not None and self._running is not None:
            self._stop.set()
            await self._running
        self._bridge = self._stop = self._running = None

    async def press(self, gesture: str = "single") -> Taken:
        """Press the button; returns once that is safe."""
        return await self.bridge.press(BUTTON, gesture)

    def cut(self) -> None:
        """Nobody can be reached from now on."""
        for gateway in (self.hub, self.phone, self.colleague):
            gateway.fault = CUT

    def mend(self) -> None:
        """Everybody can be reached again."""
        for gateway in (self.hub, self.phone, self.colleague):
            gateway.fault = None

    async def pass_time(self, seconds: float) -> None:
        """Let the world go on."""
        await self.clock.sleep(seconds)

    def told_once(self) -> tuple[Webhook, Sms, Webhook]:
        """What hub, phone and colleague got.

        Raises:
            ValueError: not exactly one message each.
        """
        (hub,), (sms,), (colleague,) = self.hub.received, self.phone.received, self.colleague.received
        return hub, sms, colleague

    async def problems(self) -> Mapping[str, Any]:
        """What `status` finds wrong with the clock."""
        status = await self.bridge.status()
        return {found["problem"]: found["detail"] for found in status["problems"] if found["part"] == "clock"}

    async def _run(self, is_ready: asyncio.Event, stop: asyncio.Event) -> None:
        file = self._folder / "flicbridge.toml"
        file.write_text(
            SETTINGS.format(
                zone=self._zone, hub=self.hub.url, phone=self.phone.url, colleague=self.colleague.url
            ),
            encoding="utf-8",
        )
        secrets = RehearsalSecrets({"key": KEY, "phone": PASSWORD})
        async with (
            open_bridge(load(file, secrets=False), secrets, clock=self.clock) as bridge,
            asyncio.TaskGroup() as group,
        ):
            running = group.create_task(bridge.run(), name="bridge:run")
            await bridge.ready.wait()
            self._bridge = bridge
            is_ready.set()
            await stop.wait()
            running.cancel()
