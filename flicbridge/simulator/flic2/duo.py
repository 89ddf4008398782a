"""How a simulated Duo tells its events: the other end of `press.flic2.duo`. Source: fact sheet section 12."""

from collections.abc import Sequence
from typing import Final

from flicbridge.press.flic2.duo import DuoEventType, Swipe
from flicbridge.press.flic2.wire.duo import ButtonEventDuoNotification
from flicbridge.simulator.flic2.fingers import Encoded
from flicbridge.simulator.flic2.memory import COUNTS, Event

MOST_BITS: Final = 122 * 8
"""What a packet of 128 bytes has room for, without opcode and MAC."""

_STEP_WIDTHS: Final = (2, 4, 8, 32)
_TIME_WIDTHS: Final = (8, 10, 13, 16, 24, 32, 40, 48)
_AT_REST: Final = (0, 0, 64)  # it lies on a table: one g, downwards
_TYPES: Final = {
    Encoded.UP_UNDECIDED: DuoEventType.UP_UNDECIDED,
    Encoded.UP_SINGLE: DuoEventType.UP_SINGLE_CLICK,
    Encoded.UP_HELD: DuoEventType.UP_AFTER_HOLD,
    Encoded.UP_DOUBLE: DuoEventType.UP_DOUBLE_CLICK,
    Encoded.UP_DOUBLE_HELD: DuoEventType.UP_DOUBLE_CLICK_HELD,
    Encoded.DOWN: DuoEventType.DOWN,
    Encoded.SECOND_DOWN: DuoEventType.DOWN,
    Encoded.TIMEOUT: DuoEventType.SINGLE_CLICK_TIMEOUT,
    Encoded.HOLD: DuoEventType.HOLD,
    Encoded.SECOND_HOLD: DuoEventType.HOLD,
}
_WITH_FLAG: Final = {
    Encoded.UP_DOUBLE_HELD: True,
    Encoded.HOLD: False,
    Encoded.SECOND_HOLD: True,
}


class _Bits:
    """Writes a packet bit by bit, the lowest bit of the first byte first."""

    def __init__(self) -> None:
        self.length = 0
        self._number = 0

    def put(self, value: int, width: int) -> None:
        self._number |= (value & (1 << width) - 1) << self.length
        self.length += width

    def put_narrowest(self, value: int, widths: Sequence[int], index_bits: int) -> None:
        """Write which of the widths suffices, then the value."""
        index = next(n for n, width in enumerate(widths) if value < 1 << width)
        self.put(index, index_bits)
        self.put(value, widths[index])

    def append(self, other: "_Bits") -> None:
        self.put(other._number, other.length)

    def to_bytes(self) -> bytes:
        return self._number.to_bytes((self.length + 7) // 8, "little")


class DuoTale:
    """Encodes the events of one conversation; each notification continues where the one before it ended.

    Args:
        counts: of both keys, as the init response says them.
        is_queue_done: nothing from before this conversation follows.
    """

    def __init__(self, counts: tuple[int, int], *, is_queue_done: bool) -> None:
        self._counts = list(counts)
        self._ticks = 0
        self._is_queue_done = is_queue_done

    def tell(
        self, events: Sequence[Event], *, are_queued: bool, last: Event | None = None
    ) -> list[ButtonEventDuoNotification]:
        """Encode events, oldest first, in as many notifications as they need.

        Args:
            events: later than all that were told before.
            are_queued: they happened before this conversation.
            last: the last one of the queue, if it shall be marked.
        """
        packets: list[_Bits] = []
        touched: set[int] = set()
        for event in events:
            step, mark = self._step(event), self._mark(are_queued=are_queued, is_last=event is last)
            bits = self._encode(event, mark, step if event.key not in touched else None)
            is_full = not packets or packets[-1].length + bits.length > MOST_BITS
            if is_full or (event.key in touched and step != 1):
                packets.append(_Bits())
                touched.clear()
                bits = self._encode(event, mark, step)
            packets[-1].append(bits)
            touched.add(event.key)
            self._counts[event.key] = event.count
            self._ticks = max(self._ticks, event.at_ticks)
            self._is_queue_done |= mark[:1] == (1,)
        return [ButtonEventDuoNotification(packet.to_bytes()) for packet in packets]

    def _encode(self, event: Event, mark: tuple[int, ...], step: int | None) -> _Bits:
        """Encode one event; `step` is None where it goes without saying."""
        bits, kind = _Bits(), _TYPES[event.encoded]
        bits.put(event.key, 1)
        if step is not None:
            _put_step(bits, step)
        bits.put_narrowest(max(0, event.at_ticks - self._ticks), _TIME_WIDTHS, 3)
        for bit in mark:
            bits.put(bit, 1)
        bits.put(kind, 3)
        if event.encoded in _WITH_FLAG:
            bits.put(_WITH_FLAG[event.encoded], 1)
        if kind not in (DuoEventType.DOWN, DuoEventType.HOLD):
            _put_swipe(bits, event.swipe)
        for acceleration in _AT_REST:
            bits.put(acceleration, 8)
        return bits

    def _step(self, event: Event) -> int:
        """By how much the count has to move; an up or down skips the slot of a hold or timeout by itself."""
        step = (event.count - self._counts[event.key]) % COUNTS
        skips = _TYPES[event.encoded] <= DuoEventType.DOWN and step > 1
        return step - 1 if skips else step

    def _mark(self, *, are_queued: bool, is_last: bool) -> tuple[int, ...]:
        """What an event says about the end of the queue."""
        if self._is_queue_done:
            return ()
        if are_queued:
            return (1, 0) if is_last else (0,)
        return (1, 1)  # the last one of the queue did not come; this one is live


def _put_step(bits: _Bits, step: int) -> None:
    if step == 1:
        bits.put(0b0, 1)
    elif step == 2:
        bits.put(0b01, 2)
    else:
        bits.put(0b11, 2)
        bits.put_narrowest(step - 1, _STEP_WIDTHS, 2)


def _put_swipe(bits: _Bits, swipe: Swipe | None) -> None:
    match swipe:
        case None:
            bits.put(0b0, 1)
        case Swipe.UNRECOGNISED:
            bits.put(0b01, 2)
        case recognised:
            bits.put(0b11, 2)
            bits.put(recognised, 2)
