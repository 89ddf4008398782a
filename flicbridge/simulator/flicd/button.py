"""A simulated Flic 1: what flicd is told of its presses, and what it keeps while nobody listens."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flicbridge.clock import Clock

HOLD_S: Final = 1.0
DOUBLE_S: Final = 0.5

# ClickType, and the opcodes of the four ways of looking at presses. Source: ProtocolDocumentation.md.
DOWN, UP, CLICK, SINGLE, DOUBLE, HOLD = range(6)
UP_OR_DOWN, CLICK_OR_HOLD, SINGLE_OR_DOUBLE, ALL_THREE = range(4, 8)

type FingerScript = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Record:
    """One button event.

    Attributes:
        at_s: when it happens.
        opcode: in which way of looking at presses.
        click: the ClickType.
    """

    at_s: float
    opcode: int
    click: int


def records(script: FingerScript) -> list[Record]:
    """Everything that flicd says of presses at these times, in order of time."""
    return sorted(_records(script), key=lambda record: record.at_s)  # stable: what follows stays behind


def _records(script: FingerScript) -> Iterator[Record]:
    is_second = False
    for (down_s, up_s), following in itertools.zip_longest(script, script[1:]):
        is_long = up_s - down_s >= HOLD_S
        is_first = not is_second and following is not None and following[0] - down_s <= DOUBLE_S
        yield Record(down_s, UP_OR_DOWN, DOWN)
        if is_long:
            yield Record(down_s + HOLD_S, CLICK_OR_HOLD, HOLD)
            yield Record(down_s + HOLD_S, ALL_THREE, HOLD)
        yield Record(up_s, UP_OR_DOWN, UP)
        if not is_long:
            yield Record(up_s, CLICK_OR_HOLD, CLICK)
        if not is_first:
            count, at_s = (DOUBLE, up_s) if is_second else (SINGLE, max(up_s, down_s + DOUBLE_S))
            yield Record(at_s, SINGLE_OR_DOUBLE, count)
            if not is_long:
                yield Record(at_s, ALL_THREE, count)
        is_second = is_first


class Flic1:
    """A button. It calls as long as nobody has connected to it since the last press.

    Args:
        address: its Bluetooth address, in capitals.
        serial: as flicd tells it.
        clock: what time it is.

    Attributes:
        is_verified: flicd has paired with it.
        is_in_reach: the radio reaches it.
        is_calling: it advertises, so that it is connected as soon as somebody wants it.
        battery_percent: -1 if unknown.
        kept: what nobody has heard yet, oldest first.
        on_news: called when it calls, or has something to say.
    """

    def __init__(self, address: str, serial: str, clock: Clock) -> None:
        self.address = address
        self.serial = serial
        self.is_verified = True
        self.is_in_reach = True
        self.is_calling = True
        self.battery_percent = 87
        self.kept: list[Record] = []
        self.on_news: Callable[[Flic1], None] = lambda _: None
        self._clock = clock

    @property
    def wire_address(self) -> bytes:
        """The address as it is written in packets, last byte first."""
        return bytes(reversed(bytes.fromhex(self.address.replace(":", ""))))

    async def press(self, script: FingerScript, /, *, key: int = 0) -> None:
        """Press as the script says; returns when there is nothing more to say about it.

        Raises:
            ValueError: that key is not the first; there is only one.
        """
        if key != 0:
            raise ValueError("a Flic 1 has one key")
        began_s = self._clock.now_s()
        for record in records([(began_s + down_s, began_s + up_s) for down_s, up_s in script]):
            await self._clock.sleep(max(0.0, record.at_s - self._clock.now_s()))
            self.kept.append(record)
            self.is_calling = True
            self.on_news(self)

    async def change_battery(self) -> None:
        """Put a new cell in: what it kept is gone."""
        self.out_of_range()
        self.kept.clear()
        self.back_in_range()

    def out_of_range(self) -> None:
        """Carry it away."""
        self.is_in_reach = False
        self.on_news(self)

    def back_in_range(self) -> None:
        """Bring it back; it has long stopped calling."""
        self.is_in_reach = True
        self.is_calling = False
        self.on_news(self)
