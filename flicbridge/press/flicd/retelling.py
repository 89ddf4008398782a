"""What flicd says of one button's presses, retold as `ButtonEvent`s.

flicd gives no times but ages in whole seconds, and those only of presses that the button had kept. Half a
second tells a double press from two, one second a long press from a short one: neither can be read from such
ages, nor from arrivals, for what was kept arrives in one go. But flicd knows better, and says so in between:
a `hold` comes before the release, and a `single` once no second press came in time. So the button gets a
clock of our own here. It runs as ours does, never backwards, and leaps ahead by what is proven to have
passed:

- to one second after the press, at a `hold`;
- to half a second after the press, at a `single`;
- by the time between two edges as their ages tell it, less the second by which ages may be rounded;
- past the end of a `double`, if the next press is a second younger: flicd does not know triple presses.

Only for presses that were kept. Of those that come as they are made the arrivals are the truth, give or take
the radio's 20 to 100 ms, and a `single` may come late, when the next press is already there.

Thresholds other than the button's own (`long_press`, `double_window`) are judged by the clock alone: right
for live presses, and only to the second for kept ones.

Source: ProtocolDocumentation.md, EvtButtonEvent and ClickType. The order of events is that of the examples
there and of the button's own states; measured on a genuine button: no.
"""

from dataclasses import dataclass
from typing import Final

from flicbridge.press.event import ButtonEvent, Counter, EventKind
from flicbridge.press.flicd.events import (
    Click,
    Clicked,
)
from flicbridge.press.flicd.wire import (
    CLICK_OR_HOLD,
    SINGLE_OR_DOUBLE,
)
from flicbridge.press.source import LinkUp

HOLD_S: Final = 1.0
SINGLE_S: Final = 0.5
# Ages are cut off or rounded; the documentation does not say which.
AGE_ROUNDING_S: Final = 1
# What a verdict about a live press may be ahead of the arrivals.
JITTER_S: Final = 0.2

# A battery lasts about as long. Whoever says more has miscounted, and the press is a press all the same.
LONGEST_AGE_S: Final = 365 * 24 * 3600

_EDGES: Final = {Click.DOWN: EventKind.DOWN, Click.UP: EventKind.UP}


@dataclass(frozen=True, slots=True)
class _Edge:
    """An edge as it was told."""

    kind: EventKind
    at_s: float
    was_queued: bool
    made_s: float
    """When it was made, on our clock, as far as its age tells."""


def _age_s(clicked: Clicked) -> float:
    return float(min(clicked.age_s, LONGEST_AGE_S))


class Retelling:
    """Retells the presses of one button for as long as one connection to flicd lasts.

    Args:
        button: its name in the configuration.
        serial: part of the identity of its presses.
        begins_after: boot id and event count that nobody has used before: see `FlicdButton`.
    """

    def __init__(self, button: str, serial: str, begins_after: Counter) -> None:
        self._button = button
        self._serial = serial
        self._counter = begins_after
        self._ahead_s = 0.0  # the button's clock minus ours
        self._told_s = 0.0
        self._edge: _Edge | None = None
        self._down: _Edge | None = None
        self._is_double = False

    def link_up(self, arrived_s: float) -> LinkUp:
        """The beginning."""
        return LinkUp(self._button, self._counter.boot_id, self._clock_s(arrived_s), arrived_s)

    def retell(self, clicked: Clicked, arrived_s: float) -> ButtonEvent | None:
        """What it means for gestures; None if it says nothing that is not known already."""
        if clicked.click in _EDGES:
            return self._retell_edge(_EDGES[clicked.click], clicked, arrived_s)
        match clicked.opcode, clicked.click:
            case (opcode, Click.HOLD) if opcode == CLICK_OR_HOLD and self._is_held():
                return self._still(HOLD_S, clicked, arrived_s, certain=True)
            case (opcode, Click.SINGLE) if opcode == SINGLE_OR_DOUBLE:
                return self._still(SINGLE_S, clicked, arrived_s, certain=False)
            case (opcode, Click.DOUBLE) if opcode == SINGLE_OR_DOUBLE:
                self._is_double = True
        return None

    def _retell_edge(self, kind: EventKind, clicked: Clicked, arrived_s: float) -> ButtonEvent:
        made_s = arrived_s - _age_s(clicked)
        if self._edge is not None and self._edge.was_queued:
            self._leap_to(self._edge.at_s + made_s - self._edge.made_s - AGE_ROUNDING_S, arrived_s)
            if kind is EventKind.DOWN:
                self._leave_double(made_s, arrived_s)
        event = self._event(kind, clicked, arrived_s)
        self._edge = _Edge(kind, event.at_s, clicked.was_queued, made_s)
        if kind is EventKind.DOWN:
            self._down = self._edge
            self._is_double = False
        return event

    def _leave_double(self, made_s: float, arrived_s: float) -> None:
        """Keep a press from looking like the third of three, which may mean to cancel."""
        second = self._down if self._is_double else None
        if second is not None and made_s - second.made_s >= AGE_ROUNDING_S - JITTER_S:
            self._leap_to(second.at_s + SINGLE_S + JITTER_S, arrived_s)

    def _still(
        self, after_down_s: float, clicked: Clicked, arrived_s: float, *, certain: bool
    ) -> ButtonEvent | None:
        """No other edge within that time of the last `down`."""
        if self._down is None:
            return None
        at_s = self._down.at_s + after_down_s
        if certain or self._down.was_queued or at_s - self._clock_s(arrived_s) <= JITTER_S:
            self._leap_to(at_s, arrived_s)
            return self._event(EventKind.STILL, clicked, arrived_s)
        return None

    def _is_held(self) -> bool:
        return self._edge is not None and self._edge.kind is EventKind.DOWN

    def _clock_s(self, now_s: float) -> float:
        return now_s + self._ahead_s

    def _leap_to(self, at_s: float, now_s: float) -> None:
        self._ahead_s += max(0.0, at_s - self._clock_s(now_s))
        self._told_s = max(self._told_s, at_s)  # that sum may fall short of it by a rounding error

    def _event(self, kind: EventKind, clicked: Clicked, arrived_s: float) -> ButtonEvent:
        self._told_s = max(self._told_s, self._clock_s(arrived_s))
        boot_id, count = self._counter.boot_id, self._counter.event_count
        self._counter = Counter(boot_id, (count + 1) % 2**32)
        return ButtonEvent(
            button=self._button,
            serial=self._serial,
            kind=kind,
            at_s=self._told_s,
            counter=self._counter,
            was_queued=clicked.was_queued,
            age_s=_age_s(clicked),
            arrived_s=arrived_s,
        )
