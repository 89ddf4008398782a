"""The button, which outlives every bridge: a simulated Flic 2, with the whole protocol, on a wire."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flicbridge.alert.alert import press_id
from flicbridge.press.event import Counter
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.beacon import COMPANY
from flicbridge.simulator.flic2.memory import AdvertisingSettings, Host, Memory, is_after
from tests.chaos import wire
from tests.chaos.wire import Advert, Word

NAME: Final = "poche"
ADVERTISE_EVERY_S: Final = 0.03
"""More often than a genuine button, so that a trial does not consist of waiting."""
MTU: Final = 140
FRAMES_OF_A_GREETING: Final = 2
"""A bridge says who it is, and asks for the presses."""
MATERIAL: Final = bytes(range(20))


CALLS: Final = AdvertisingSettings(
    is_active=True, first_interval_s=0.1, second_interval_s=0.1, timeout_s=3600
)
"""What a bridge asked of it in an earlier link: to call when it has lost one."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A press that a finger made.

    Attributes:
        id: of the press, and of the alert that it must raise.
        count: the button's count of its first event.
        at_s: when, on the loop's clock.
    """

    id: UUID
    count: int
    at_s: float


class WiredButton:
    """A Flic 2 that was paired once, and is heard by whoever holds the other end of the wire.

    Args:
        on_told: called whenever a bridge was sent something while a press is not settled.
        on_burnt: called with the place at which a bridge kills itself.

    Attributes:
        presses: all that were made, oldest first.
        frames_heard: how many frames it got from its present bridge.
        acknowledgements: which of them, counted from 1, let it forget something.
    """

    def __init__(self, on_told: Callable[[], None], on_burnt: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self.flic2 = _paired_before(self._loop.time())
        self.presses: list[Pressed] = []
        self.frames_heard = 0
        self.acknowledgements: list[int] = []
        self._on_told = on_told
        self._on_burnt = on_burnt
        self._end: socket.socket | None = None
        self._asked_after = 0
        self._hung_up = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._advertising: asyncio.TimerHandle | None = None

    @property
    def _memory(self) -> Memory:
        return self.flic2.memory

    @property
    def pairing(self) -> Pairing:
        """What the bridge keeps of it."""
        who = self._memory.identity
        return Pairing(
            who.serial,
            who.address,
            who.address_type,
            MATERIAL,
            who.uuid.hex(),
            NAME,
            is_duo=False,
            simulated=True,
        )

    @property
    def start(self) -> Counter:
        """Where its events stood when it was paired."""
        return Counter(self._memory.boot_id, 0)

    # -- fingers -------------------------------------------------------------------------------------------

    def press(self) -> Pressed:
        """Put a finger on it; `release` must follow."""
        now_s = self._loop.time()
        self.flic2.press(now_s)
        who, count = self._memory.identity.serial, self._memory.event_count
        pressed = Pressed(press_id(who, self._memory.boot_id, count), count, now_s)
        self.presses.append(pressed)
        self._settle()
        return pressed

    def release(self) -> None:
        """Lift it."""
        self.flic2.release(self._loop.time())
        self._settle()

    def is_acknowledged(self, pressed: Pressed) -> bool:
        """Whether the button was told that it may forget a press."""
        return not is_after(pressed.count, self._memory.hosts[0].acknowledged)

    @property
    def is_settled(self) -> bool:
        """Whether every press was acknowledged, or is never asked for again, and no finger is on it."""
        return not self.flic2.is_pressed and all(map(self._is_settled, self.presses))

    def _is_settled(self, pressed: Pressed) -> bool:
        return self.is_acknowledged(pressed) or not is_after(pressed.count, self._asked_after)

    # -- the wire ------------------------------------------------------------------------------------------

    def attach(self, end: socket.socket, *, asks_after: int = 0) -> None:
        """A bridge begins to listen at the other end.

        Args:
            end: ours of the wire.
            asks_after: the last event that it knows from an earlier life. A bridge that dies between writing
                that down and acknowledging it owes nothing, and its successor neither asks nor acknowledges.
        """
        self._asked_after = asks_after
        self._end, self.frames_heard, self.acknowledgements = end, 0, []
        self._hung_up.clear()
        self._loop.add_reader(end, self._read)
        self._settle()

    @property
    def is_heard(self) -> bool:
        """Whether a bridge has made a link, and opened its queue."""
        return self.flic2.is_linked and self.frames_heard >= FRAMES_OF_A_GREETING

    @property
    def is_attached(self) -> bool:
        """Whether somebody holds the other end."""
        return self._end is not None

    async def hung_up(self) -> None:
        """Wait until everything is read that the bridge said before it died."""
        await self._hung_up.wait()

    def _read(self) -> None:
        assert self._end is not None
        try:
            packet = wire.heard(self._end)
        except BlockingIOError:
            return
        if packet is None:
            self._detach()
            return
        self._obey(*packet)
        self._settle()

    def _obey(self, word: Word, data: bytes) -> None:
        now_s = self._loop.time()
        match word:
            case Word.CONNECT if self.flic2.advertisement(now_s) is not None:
                self.flic2.link_up(now_s)
                self.flic2.set_mtu(MTU)
                self._say(Word.CONNECT)
            case Word.CONNECT:
                self._say(Word.REFUSED)
            case Word.FRAME:
                self._hear(data, now_s)
            case Word.GONE:
                self._lose_link()
            case Word.BURNT:
                self._on_burnt(data.decode())
            case _:
                raise ValueError(f"a bridge said {word}")

    def _hear(self, frame: bytes, now_s: float) -> None:
        before = self._memory.hosts[0].acknowledged
        self.frames_heard += 1
        self.flic2.receive(frame, now_s)
        if self._memory.hosts[0].acknowledged != before:
            self.acknowledgements.append(self.frames_heard)

    def _detach(self) -> None:
        assert self._end is not None
        self._loop.remove_reader(self._end)
        self._end.close()
        self._end = None
        self._lose_link()
        self._settle()
        self._hung_up.set()

    def _lose_link(self) -> None:
        if self.flic2.is_linked:
            self.flic2.link_down(self._loop.time())

    def _say(self, word: Word, data: bytes = b"") -> None:
        if self._end is not None:
            wire.say(self._end, word, data)

    # -- what it does by itself ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Do what the button wants after anything has happened."""
        frames = self.flic2.take_frames()
        for frame in frames:
            self._say(Word.FRAME, frame)
        if self.flic2.wants_hang_up:
            self._lose_link()
            self._say(Word.GONE)
        elif frames and not self.is_settled:
            self._on_told()
        self._advertise()
        if self._timer is not None:
            self._timer.cancel()
        due_s = self.flic2.deadline_s(self._loop.time())
        self._timer = None if due_s is None else self._loop.call_at(due_s, self._pass_time)

    def _pass_time(self) -> None:
        self.flic2.pass_time(self._loop.time())
        self._settle()

    def _advertise(self) -> None:
        if self._advertising is not None or self._end is None or self.flic2.is_linked:
            return
        if self.flic2.advertisement(self._loop.time()) is None:
            return
        who = self._memory.identity
        advert = Advert(who.address, f"F2{self._memory.firmware}", COMPANY, "000000000000")
        self._say(Word.ADVERTISEMENT, advert.to_bytes())
        self._advertising = self._loop.call_later(ADVERTISE_EVERY_S, self._advertise_again)

    def _advertise_again(self) -> None:
        self._advertising = None
        self._advertise()

    def close(self) -> None:
        """Nothing runs on afterwards."""
        for timer in (self._timer, self._advertising):
            if timer is not None:
                timer.cancel()
        if self._end is not None:
            self._detach()
            for timer in (self._timer, self._advertising):
                if timer is not None:
                    timer.cancel()


def _paired_before(now_s: float) -> SimulatedFlic2:
    """A button that knows one bridge, and has just lost its link."""
    new = SimulatedFlic2.new(NAME, now_s=now_s)
    new.memory.hosts.append(Host(MATERIAL, acknowledged=0, advertising=CALLS))
    return SimulatedFlic2.from_json(new.to_json(now_s), now_s=now_s)
