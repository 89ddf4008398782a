"""The rounds: asking those who never say anything by themselves, such as the machine and the gateway phone.

Nothing here stands in the way of an alert, and nothing here is written to disk but one reading a day of each
battery. Who does not answer in time is asked again in the next round. When a channel begins to fail, or works
again, its other side is asked at once: what it said a while ago may be no longer true.
"""

import asyncio
import math
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from flicbridge.clock import Clock, is_credible
from flicbridge.errors import DeliveryError
from flicbridge.guard import machine, vigour
from flicbridge.guard.board import Board
from flicbridge.guard.forecast import History
from flicbridge.guard.host import HostFacts, read_host
from flicbridge.observation import Observation
from flicbridge.supervise import Start
from flicbridge.transport.base import Transport
from flicbridge.transport.health import Fitness, Health

log = structlog.get_logger()

HOST_EVERY_S: Final = 300.0
HOST_TIMEOUT_S: Final = 10.0
BATTERIES_EVERY_S: Final = 3600.0
HEALTH_TIMEOUT_S: Final = 10.0
# Not all at once, while everything starts.
FIRST_WITHIN_S: Final = 5.0
# Phones doze, and a packet gets lost; who is silent twice is called sick.
SILENT_TIMES: Final = 2
# Of a channel that comes and goes: every question is a login, which some providers count.
AT_ONCE_EVERY_S: Final = 60.0
BROKEN: Final = frozenset({"failing", "refused"})
"""States of a channel, as its messages found it."""


@dataclass(slots=True)
class Rounds:
    """See the module.

    Attributes:
        state_dir: where the disk is that matters.
        transports: the channels, by name.
        look: looks at the machine; may block.
    """

    state_dir: Path
    transports: Mapping[str, Transport[Any]]
    board: Board
    clock: Clock
    look: Callable[[Path], HostFacts] = read_host
    chance: Callable[[float, float], float] = random.uniform
    _looking: asyncio.Future[HostFacts] | None = field(init=False, default=None)
    _broken: set[str] = field(init=False, default_factory=set)
    _news: defaultdict[str, asyncio.Event] = field(
        init=False, default_factory=lambda: defaultdict(asyncio.Event)
    )

    def __post_init__(self) -> None:
        self.board.listen(self._hear)

    def parts(self) -> Iterator[tuple[str, Start]]:
        """Each round by its name, to be kept running."""
        yield "round:host", self.watch_host
        yield "round:batteries", self.watch_batteries
        for channel, transport in self.transports.items():
            if type(transport).health is not Transport.health:
                yield f"round:{channel}", lambda c=channel, t=transport: self.watch_health(c, t)  # type: ignore[misc]

    # -- the machine -------------------------------------------------------------------------------------

    async def watch_host(self) -> None:
        """See how the machine is; for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HOST_TIMEOUT_S):
                    for observation in machine.observations(await self._host()):
                        self.board.observe(observation)
            await self.clock.sleep(HOST_EVERY_S)

    async def _host(self) -> HostFacts:
        """How the machine is, from a thread of its own: a sick disk may keep it for ever, and nobody else.

        A look that hangs is waited for again, and no second one is begun beside it.
        """
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_future()
            look = threading.Thread(target=self._look, args=(self._looking,), name="host", daemon=True)
            look.start()
        found = await asyncio.shield(self._looking)
        self._looking = None
        return found

    def _look(self, answer: asyncio.Future[HostFacts]) -> None:
        found = self.look(self.state_dir)
        with suppress(RuntimeError):  # the loop is gone by now
            answer.get_loop().call_soon_threadsafe(_tell, answer, found)

    # -- the batteries -----------------------------------------------------------------------------------

    async def watch_batteries(self) -> None:
        """Keep one reading a day of each battery, and foretell how long it lasts; for ever."""
        while True:
            for part, _ in list(self.board.notes("battery_mv")):
                self.note_battery(part)
            await self.clock.sleep(BATTERIES_EVERY_S)

    def note_battery(self, part: str) -> None:
        """Take the newest reading of one button into its history."""
        reading = self.board.note(part, "battery_mv")
        if reading is None or not isinstance(reading.value, int | float) or not is_credible(reading.at):
            return
        known = str(self.board.value(part, "battery_days") or "")
        history = History.parse(known).after(reading.at.date(), reading.value)
        if str(history) != known:
            self.board.observe(Observation(part, "battery_days", str(history)))
        weeks = history.weeks_left()
        weeks = None if weeks is None else round(weeks, 1)
        if weeks != self.board.value(part, "battery_weeks"):
            self.board.observe(Observation(part, "battery_weeks", weeks))

    # -- the other side of a channel ---------------------------------------------------------------------

    async def watch_health(self, channel: str, transport: Transport[Any]) -> None:
        """Ask one channel how it is; for ever."""
        silent, every_s, may_hurry_s = 0, transport.health_every.total_seconds(), -math.inf
        await self.clock.sleep(self.chance(0.0, FIRST_WITHIN_S))
        while True:
            self._news[channel].clear()
            try:
                async with asyncio.timeout(HEALTH_TIMEOUT_S):
                    health = await transport.health()
                silent = 0
            except (DeliveryError, TimeoutError) as error:
                silent += 1
                health = Health(Fitness.SICK, str(error) or f"no answer within {HEALTH_TIMEOUT_S:g} s")
            # Who cannot be asked just when messages fail, too, is not well because he was a while ago.
            if silent in (0, SILENT_TIMES) or f"channel:{channel}" in self._broken:
                self._say_health(f"channel:{channel}", health)
            # Who was silent once is asked again soon, for until then nobody is told.
            wait_s = min(every_s, AT_ONCE_EVERY_S) if silent and silent < SILENT_TIMES else every_s
            if await self._has_news(channel, self.chance(0.9, 1.1) * wait_s):
                await self.clock.sleep(max(0.0, may_hurry_s - self.clock.now_s()))
                may_hurry_s = self.clock.now_s() + AT_ONCE_EVERY_S

    def _hear(self, observation: Observation) -> None:
        """Note whether a channel works, as its messages find it."""
        part = observation.subject
        if observation.fact != "state" or not part.startswith("channel:"):
            return
        if (observation.value in BROKEN) != (part in self._broken):
            self._broken ^= {part}
            self._news[part.removeprefix("channel:")].set()

    async def _has_news(self, channel: str, within_s: float) -> bool:
        """Wait until a channel begins to fail or works again; False if it does neither in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                return await self._news[channel].wait()
        return False

    def _say_health(self, part: str, health: Health | None) -> None:
        before = self.board.value(part, "health_state")
        for observation in vigour.observations(part, health):
            self.board.observe(observation)
        now = self.board.value(part, "health_state")
        if now != before:
            log.info("channel_health", channel=part.partition(":")[2], state=now)


def _tell(answer: asyncio.Future[HostFacts], found: HostFacts) -> None:
    if not answer.done():
        answer.set_result(found)
