"""The event stream of a Flic Duo, which packs two buttons, accelerations and gestures into single bits.

Decoded as the vendor's Android library does; never tried on a genuine Duo.

The vendor's two libraries disagree on one thing: whether the first notification of a session bears the mark
of the queue's end even if the button had announced that nothing is queued. To read such a mark as part of an
event, or the other way round, would cost a press. But an event's count tells its kind by the remainder, so a
stream that was read wrongly does not add up: then it is read the other way.

Source: fact sheet section 12.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from flicbridge.press.flic2.events import COUNTS
from flicbridge.press.flic2.wire.packet import FromButtonOp, MalformedPacketError

_MIN_EVENT_BITS: Final = 39
_STEP_WIDTHS: Final = (2, 4, 8, 32)
_TIME_WIDTHS: Final = (8, 10, 13, 16, 24, 32, 40, 48)


class DuoEventType(IntEnum):
    """What happened. Source: section 12, step 5."""

    UP_UNDECIDED = 0
    UP_SINGLE_CLICK = 1
    UP_AFTER_HOLD = 2
    UP_DOUBLE_CLICK = 3
    UP_DOUBLE_CLICK_HELD = 4
    DOWN = 5
    SINGLE_CLICK_TIMEOUT = 6
    HOLD = 7


_REMAINDERS: Final = {DuoEventType.DOWN: 1, DuoEventType.HOLD: 2, DuoEventType.SINGLE_CLICK_TIMEOUT: 0}
_UP_REMAINDER: Final = 3
"""Of the count by 4, as on a Flic 2."""
_WITH_GESTURE: Final = frozenset(DuoEventType) - {DuoEventType.DOWN, DuoEventType.HOLD}


class Swipe(IntEnum):
    """The gesture that came with a press."""

    LEFT = 0
    RIGHT = 1
    UP = 2
    DOWN = 3
    UNRECOGNISED = 4


@dataclass(frozen=True, slots=True)
class DuoEvent:
    """One thing a Duo did.

    Attributes:
        button: 0 big, 1 small.
        count: as on a Flic 2, per button.
        at_ticks: on the button's clock, 1/32768 s.
        type: what.
        flag: of an UP_DOUBLE_CLICK_HELD: it was also a hold; of a HOLD: the next up will be a double click.
        was_queued: it happened before this session.
        was_queued_last: and it is the last such.
        swipe: None if there was none.
        acceleration: x, y, z, signed bytes.
    """

    button: int
    count: int
    at_ticks: int
    type: DuoEventType
    flag: bool
    was_queued: bool
    was_queued_last: bool
    swipe: Swipe | None
    acceleration: tuple[int, int, int]

    @property
    def encoded(self) -> int:
        """The code a Flic 2 would use for this event."""
        codes = (8, 10, 14, 11, 15 if self.flag else 11, 1, 2, 7 if self.flag else 3)
        return codes[self.type]

    @property
    def adds_up(self) -> bool:
        """Whether its count is one that events of its kind have."""
        return self.count % 4 == _REMAINDERS.get(self.type, _UP_REMAINDER)


class _Bits:
    """Reads a packet bit by bit, the lowest bit of the first byte first."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self.left = len(data) * 8

    def take(self, width: int) -> int:
        """Raises MalformedPacketError at the end of the packet."""
        if width > self.left:
            raise MalformedPacketError("Duo event cut short")
        value = self._number & (1 << width) - 1
        self._number >>= width
        self.left -= width
        return value

    @property
    def is_padding(self) -> bool:
        """Whether what is left only fills up the last byte."""
        return self.left < 8 and self._number == 0

    def take_signed_byte(self) -> int:
        value = self.take(8)
        return value - 256 if value > 127 else value


class DuoStream:
    """Decodes the notifications of one connection; each continues where the one before it ended.

    Attributes:
        event_counts: of the big and the small button.
        last_ticks: the time of the last event.
        is_queue_done: nothing more from before this session will come.
    """

    def __init__(self, event_counts: tuple[int, int], *, last_ticks: int = 0, is_queue_done: bool) -> None:
        self.event_counts = event_counts
        self.last_ticks = last_ticks
        self.is_queue_done = is_queue_done
        self._is_first = True

    def decode(self, packet: bytes) -> list[DuoEvent]:
        """Read one notification (opcode 32, MAC taken off), oldest event first.

        Raises:
            MalformedPacketError: it ends within an event. The stream cannot go on after that.
        """
        if packet[:1] != bytes([FromButtonOp.BUTTON_EVENT_DUO]):
            raise MalformedPacketError("not a Duo notification")
        is_first, self._is_first = self._is_first, False
        if is_first and self.is_queue_done and not self._adds_up(packet[1:], is_queue_done=True):
            self.is_queue_done = not self._adds_up(packet[1:], is_queue_done=False)
        return list(self._events(_Bits(packet[1:])))

    def _adds_up(self, body: bytes, *, is_queue_done: bool) -> bool:
        """Tell whether a notification makes sense as the next one; the stream stays where it is."""
        trial = DuoStream(self.event_counts, last_ticks=self.last_ticks, is_queue_done=is_queue_done)
        bits = _Bits(body)
        try:
            return all(event.adds_up for event in list(trial._events(bits))) and bits.is_padding
        except MalformedPacketError:
            return False

    def _events(self, bits: _Bits) -> Iterator[DuoEvent]:
        seen: set[int] = set()
        while bits.left >= _MIN_EVENT_BITS:
            button = bits.take(1)
            step = 1 if button in seen else _step(bits)
            seen.add(button)
            yield self._event(bits, button, step)

    def _event(self, bits: _Bits, button: int, step: int) -> DuoEvent:
        count = (self.event_counts[button] + step) % COUNTS
        self.last_ticks += bits.take(_TIME_WIDTHS[bits.take(3)])
        was_queued, was_queued_last = self._queue_mark(bits)
        kind = DuoEventType(bits.take(3))
        has_flag = kind in (DuoEventType.UP_DOUBLE_CLICK_HELD, DuoEventType.HOLD)
        flag = bool(bits.take(1)) if has_flag else False
        swipe = _swipe(bits) if kind in _WITH_GESTURE else None
        acceleration = bits.take_signed_byte(), bits.take_signed_byte(), bits.take_signed_byte()
        if kind <= DuoEventType.DOWN and count % 2 == 0:
            count = (count + 1) % COUNTS  # no hold or timeout came before it: its slot stays empty
        big, small = self.event_counts
        self.event_counts = (big, count) if button else (count, small)
        return DuoEvent(
            button, count, self.last_ticks, kind, flag, was_queued, was_queued_last, swipe, acceleration
        )

    def _queue_mark(self, bits: _Bits) -> tuple[bool, bool]:
        """Return whether this event was queued, and whether it is the last such."""
        if self.is_queue_done:
            return False, False
        if not bits.take(1):
            return True, False
        self.is_queue_done = True
        is_live = bool(bits.take(1))
        return not is_live, not is_live


def _step(bits: _Bits) -> int:
    if not bits.take(1):
        return 1
    if not bits.take(1):
        return 2
    return bits.take(_STEP_WIDTHS[bits.take(2)]) + 1


def _swipe(bits: _Bits) -> Swipe | None:
    if not bits.take(1):
        return None
    return Swipe(bits.take(2)) if bits.take(1) else Swipe.UNRECOGNISED
