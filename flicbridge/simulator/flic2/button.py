"""The whole simulated Flic 2, sans-IO: fingers and frames in, frames out, time passed in.

Whoever drives it tells what happens and asks, after every call: `take_frames` to send, `wants_hang_up`,
`take_wanted_parameters`, `advertisement` to put on the air, and `deadline_s` when to call `pass_time`.
"""

import os
from typing import Self

from flicbridge.press.flic2.duo import Swipe
from flicbridge.press.flic2.wire.services import SetConnectionParametersInd
from flicbridge.simulator.flic2.beacon import Advertisement
from flicbridge.simulator.flic2.body import Body, Random
from flicbridge.simulator.flic2.faults import Faults
from flicbridge.simulator.flic2.fingers import Encoded
from flicbridge.simulator.flic2.link import PING_PATIENCE_S, Link
from flicbridge.simulator.flic2.memory import Event, Identity, Memory


class SimulatedFlic2:
    """A Flic 2 button, or a Flic Duo, which has two keys: 0 the big one, 1 the small one.

    All times are monotonic seconds of the caller's clock and must not go backwards.

    Attributes:
        memory: what it remembers; plain data, to look at and to tamper with.
    """

    def __init__(self, memory: Memory, *, now_s: float, random: Random = os.urandom) -> None:
        self.memory = memory
        self._body = Body(memory, now_s=now_s, random=random)
        self._link: Link | None = None
        self._is_pressed_in_leaving = False

    @classmethod
    def new(cls, name: str, *, now_s: float, random: Random = os.urandom, duo: bool = False) -> Self:
        """Make a button fresh from the factory; the same name gives the same identity."""
        boot_id = int.from_bytes(random(4), "little") or 1
        memory = Memory(Identity.made_for(name, duo=duo), name, boot_id=boot_id)
        return cls(memory, now_s=now_s, random=random)

    # -- memory --------------------------------------------------------------------------------------------

    def to_json(self, now_s: float) -> str:
        """Write down everything that a button remembers, secrets included."""
        self._body.set_clock(self.ticks(now_s), now_s)
        return self.memory.to_json()

    @classmethod
    def from_json(cls, text: str, *, now_s: float, away_s: float = 0.0, random: Random = os.urandom) -> Self:
        """Make the button that `to_json` wrote down `away_s` seconds ago. It has lost its link meanwhile.

        Raises:
            pydantic.ValidationError: the text is something else.
        """
        button = cls(Memory.from_json(text), now_s=now_s - away_s, random=random)
        button._body.beacon.disconnect(now_s - away_s, may_advertise=True)
        return button

    @property
    def faults(self) -> Faults:
        """What is wrong with this button."""
        return self._body.faults

    def ticks(self, now_s: float) -> int:
        """The button's own clock, 32768 to the second since its boot."""
        return self._body.ticks(now_s)

    # -- time ----------------------------------------------------------------------------------------------

    def deadline_s(self, now_s: float) -> float | None:
        """When to call `pass_time` at the latest, after `now_s`."""
        link_s = self._link.deadline_s if self._link else None
        due = (self._body.deadline_s, self._body.beacon.next_change_s(now_s), link_s)
        return min((each for each in due if each is not None), default=None)

    def pass_time(self, now_s: float) -> None:
        """Let everything happen that is due."""
        while (due_s := self._body.deadline_s) is not None and due_s <= now_s:
            self._tell(self._body.pass_time(due_s), due_s)
        if self._link:
            self._link.pass_time(now_s)

    # -- fingers -------------------------------------------------------------------------------------------

    def press(self, now_s: float, key: int = 0) -> None:
        """Put a finger on the button."""
        self.pass_time(now_s)
        self._is_pressed_in_leaving |= self.wants_hang_up
        self._tell(self._body.press(now_s, key), now_s)

    def release(self, now_s: float, key: int = 0, swipe: Swipe | None = None) -> None:
        """Lift the finger."""
        self.pass_time(now_s)
        self._tell(self._body.release(now_s, key, swipe), now_s)

    @property
    def is_pressed(self) -> bool:
        return self._body.is_pressed

    def record(self, encoded: Encoded, at_ticks: int, now_s: float, key: int = 0) -> None:
        """Report an event that no finger made: for tests of what comes out, whatever went in."""
        self._tell([self._body.record(encoded, at_ticks, key)], now_s)

    def _tell(self, events: list[Event], now_s: float) -> None:
        if self._link:
            for event in events:
                self._link.happen(event, now_s)

    # -- radio ---------------------------------------------------------------------------------------------

    def advertisement(self, now_s: float) -> Advertisement | None:
        """Return what should be on the air now."""
        return self._body.beacon.advertisement(now_s)

    def is_public(self, now_s: float) -> bool:
        """Tell whether a host may pair now."""
        return self._body.beacon.is_public(now_s)

    def go_public(self, now_s: float) -> None:
        """Enter public mode without seven seconds of patience."""
        self._body.beacon.go_public(now_s)

    def link_up(self, now_s: float) -> None:
        """A central has connected."""
        self.pass_time(now_s)
        self._body.beacon.connect(now_s)
        self._link = Link(self._body)

    def link_down(self, now_s: float) -> None:
        """The radio link is gone, and with it all conversations; queue, counter and pairings stay."""
        self.pass_time(now_s)
        link, self._link = self._link, None
        self._body.beacon.disconnect(now_s, may_advertise=link is None or link.may_advertise)
        if self._is_pressed_in_leaving:  # assumed: it wakes the button as it would have a moment later
            self._is_pressed_in_leaving = False
            self._body.beacon.press(now_s)
        if link and link.needs_boot:
            self.factory_reset(now_s)

    @property
    def is_linked(self) -> bool:
        return self._link is not None

    def set_mtu(self, mtu: int) -> None:
        """The link carries `mtu` - 3 bytes per frame from now on."""
        if self._link:
            self._link.outlet.mtu = mtu

    def receive(self, frame: bytes, now_s: float) -> None:
        """Take one frame from the host."""
        self.pass_time(now_s)
        if self._link:
            self._link.receive(frame, now_s)

    def take_frames(self) -> list[bytes]:
        """Return the frames to send now, in order."""
        return self._link.outlet.take_frames() if self._link else []

    def inject(self, frame: bytes) -> None:
        """Send a frame of anybody's making along with our own."""
        if self._link:
            self._link.outlet.inject(frame)

    @property
    def wants_hang_up(self) -> bool:
        """Whether the button wants to drop the radio link, once its frames are sent."""
        return self._link is not None and self._link.outlet.wants_hang_up

    def take_wanted_parameters(self) -> SetConnectionParametersInd | None:
        """Return what to ask the central for, once."""
        if self._link is None:
            return None
        wanted, self._link.wanted_parameters = self._link.wanted_parameters, None
        return wanted

    def ping(self, now_s: float, *, patience_s: float = PING_PATIENCE_S) -> None:
        """Ask all hosts whether they are there."""
        if self._link:
            self._link.ping(now_s, patience_s=patience_s)

    # -- catastrophes --------------------------------------------------------------------------------------

    def change_battery(self, now_s: float) -> None:
        """Take the cell out and put a new one in: link, queue, counters and clock are gone."""
        if self._link:
            self._link.outlet.wants_hang_up = True
        self._body.boot(now_s)

    def factory_reset(self, now_s: float) -> None:
        """Forget all pairings, too."""
        self.memory.hosts.clear()
        self.change_battery(now_s)

    def jump_clock(self, seconds: float, now_s: float) -> None:
        """Let the button's clock go wrong."""
        self._body.set_clock(self.ticks(now_s) + int(seconds * 32768), now_s)

    def skip_to_count(self, count: int) -> None:
        """Have counted so many events already, all of them settled."""
        self.memory.event_count = count
        self.memory.queue.clear()
        for host in self.memory.hosts:
            host.acknowledged = count
