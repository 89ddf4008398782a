"""One life of the rehearsed bridge after the other, with power cuts in between.

A power cut is two things. First, in one go and before anything else can run, the disk is remembered as it is,
every line to the outside is cut, and no button is in reach: from then on nothing that the dying bridge does
can matter. Then it is torn down, and the disk is put back as it was in that moment.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Final, Protocol

from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.clock import Clock
from flicbridge.house import Bridge
from flicbridge.room import RadioRoom
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.standins import Cast
from flicbridge.simulator.world import VirtualWorld

POWER: Final = "power"
# The last word of a database in WAL mode is in these two; the third file beside them is made anew.
DISK: Final = (DATABASE, f"{DATABASE}-wal")
FORGOTTEN: Final = (f"{DATABASE}-shm",)


class Cuttable(Protocol):
    """Something that a power cut, or other reasons, can cut off from the bridge."""

    def cut(self, why: str) -> None: ...

    def mend(self, why: str) -> None: ...


class Carried(Protocol):
    """A simulated button of any family, as far as it can be carried about and pressed."""

    async def press(self, script: list[tuple[float, float]], /, *, key: int = 0) -> None: ...

    def out_of_range(self) -> None: ...

    def back_in_range(self) -> None: ...

    async def change_battery(self) -> None: ...


class Pocket:
    """Where a simulated button is: in the radio's reach, unless there is a reason why not."""

    def __init__(self, button: Carried) -> None:
        self.button = button
        self._reasons: set[str] = set()

    def cut(self, why: str) -> None:
        """Out of reach, for one more reason."""
        if not self._reasons:
            self.button.out_of_range()
        self._reasons.add(why)

    def mend(self, why: str) -> None:
        """Take one reason away."""
        if self._reasons == {why}:
            self.button.back_in_range()
        self._reasons.discard(why)


class Life:
    """The bridge, as often as it is started.

    Attributes:
        is_frozen: its power has just failed, and it does not know yet.
    """

    def __init__(self, cast: Cast, world: VirtualWorld, pockets: Mapping[str, Pocket], clock: Clock) -> None:
        self.is_frozen = False
        self._cast = cast
        self._world = world
        self._pockets = pockets
        self._clock = clock
        self._bridge: Bridge | None = None
        self._task: asyncio.Task[None] | None = None
        self._disk: dict[str, bytes] = {}

    @property
    def bridge(self) -> Bridge | None:
        """The running one, or None."""
        return None if self.is_frozen else self._bridge

    async def begin(self, group: asyncio.TaskGroup) -> None:
        """Start the bridge; returns once it takes presses."""
        ready = asyncio.Event()
        self._task = group.create_task(self._live(ready), name="bridge")
        await ready.wait()

    async def end(self) -> None:
        """Stop the bridge as an administrator does."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._task = None

    def freeze(self) -> None:
        """Cut the power, at this very instant. `bury` does the rest."""
        self.is_frozen = True
        self._disk = {
            name: (self._state / name).read_bytes() for name in DISK if (self._state / name).exists()
        }
        for each in self._cut_off():
            each.cut(POWER)

    async def bury(self) -> None:
        """Tear the frozen bridge down, and put its disk back to the moment of the cut."""
        await self._world.radio.power(False)  # ends links without a goodbye
        await self.end()
        for name in (*DISK, *FORGOTTEN):
            (self._state / name).unlink(missing_ok=True)
        for name, content in self._disk.items():
            (self._state / name).write_bytes(content)
        for each in self._cut_off():
            each.mend(POWER)
        self.is_frozen = False

    @property
    def _state(self) -> Path:
        return self._cast.settings.bridge.state_dir

    def _cut_off(self) -> Iterable[Cuttable]:
        return [*self._cast.standins.values(), *self._pockets.values()]

    async def _live(self, ready: asyncio.Event) -> None:
        cast, clock = self._cast, self._clock
        async with (
            self._room() as room,
            open_bridge(cast.settings, cast.secrets, clock=clock, room=room) as bridge,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(bridge.run(), name="run")
            await bridge.ready.wait()
            self._bridge = bridge
            ready.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._bridge = None

    def _room(self) -> AbstractAsyncContextManager[RadioRoom | None]:
        """The bridge's radio, if any button is on it: nothing is heard over one without, which is a fault."""
        buttons = {
            name: pocket.button
            for name, pocket in self._pockets.items()
            if isinstance(pocket.button, Peripheral)
        }
        if not buttons:
            return nullcontext()
        return simulated_radio(self._world, buttons, clock=self._clock, observe=lambda _: None)
