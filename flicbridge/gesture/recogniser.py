"""From `down` and `up` to gestures, each at the first instant at which nothing can change it any more.

How it works. The presses that nobody has explained yet form a row, and `reading` says what its head means.
Two things may still be open: how the newest press ends, and whether another one follows. So the row is read
once for each way in which the newest press may end, with "no further press before now" as all that is known
of the future. If every reading says the same, that is the gesture; if not, only time or the finger can tell,
and `deadline_s` is the next instant at which silence alone would.

All times are the button's own, so late and bunched packets change nothing. "Nothing happened" is a fact like
any other: it comes with the next event, as a `still` from the button, or by `pass_time` from whoever watches
`deadline_s`, and it does not matter which of them comes first or how often.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from flicbridge.gesture.gesture import Gesture
from flicbridge.gesture.reading import Meaning, Press, first_meaning
from flicbridge.gesture.table import GestureTable, Hold, Thresholds
from flicbridge.press.event import ButtonEvent, Counter, EventKind


@dataclass(slots=True)
class _Touch:
    """A press as it unfolds.

    Attributes:
        down: the event it began with.
        before: the newest event before it, or before the gesture it completed: where a replay would start.
        down_s: when it began.
        up_s: when it ended; None while the finger is down.
        firm_s: a `down` before this instant is a bounce of this very press.
    """

    down: ButtonEvent
    before: Counter | None
    down_s: float
    up_s: float | None
    firm_s: float

    def readings(self, now_s: float, thresholds: Thresholds) -> list[Press]:
        """What it may turn out to be, if nothing more comes before `now_s`."""
        long_at_s = self.down_s + thresholds.long_s
        until_s = now_s if self.up_s is None else self.up_s
        if long_at_s <= until_s:
            return [Press(Hold.LONG, self.down_s, until_s)]
        short = Press(Hold.SHORT, self.down_s, until_s)
        if self.up_s is not None and self.firm_s <= now_s:
            return [short]
        return [short, Press(Hold.LONG, self.down_s, now_s)]

    def turning_points_s(self, thresholds: Thresholds) -> Iterator[float]:
        """The instants at which silence may settle what it is, or that nothing follows it."""
        yield self.down_s + thresholds.window_s
        yield self.down_s + thresholds.long_s
        yield self.down_s + thresholds.longest_s
        yield self.firm_s
        if self.up_s is not None:
            yield self.up_s + thresholds.window_s


class Recogniser:
    """Recognises the gestures of one button.

    Args:
        table: the gestures and thresholds of that button.
    """

    def __init__(self, table: GestureTable) -> None:
        self._table = table
        self.reset()

    def reset(self) -> None:
        """Begin a new session: forget the unfinished row, which the button will tell again.

        A button that has restarted will not: its clock and its memory began anew. Whoever learns that from
        the boot id calls `pass_time(math.inf)` first, and loses nothing.
        """
        self._row: list[_Touch] = []  # not explained yet, oldest first; all but the newest are over
        self._finger: _Touch | None = None  # the newest press, explained or not
        self._newest: Counter | None = None  # of all events
        self._now_s = -math.inf  # nothing can come before this instant any more

    def feed(self, event: ButtonEvent) -> list[Gesture]:
        """Take in one event and return the gestures it decides, oldest first.

        An event that claims to be older than what is known happened just now: no broken clock may take back
        a decision or put one off.
        """
        at_s = max(self._now_s, event.at_s)
        gestures = self._wait_until(at_s)
        match event.kind:
            case EventKind.DOWN:
                self._press(event, at_s)
            case EventKind.UP:
                self._lift(at_s)
            case EventKind.STILL:
                gestures += self.pass_time(at_s)
        self._newest = event.counter
        return gestures + self._decide(at_s)

    def pass_by(self, counter: Counter) -> None:
        """Take note of an event of another key, before which this one has been told of the time."""
        self._newest = counter

    def pass_time(self, at_s: float) -> list[Gesture]:
        """Take in that nothing happened up to and including `at_s`; return the gestures that this decides."""
        return self._wait_until(_just_after(at_s))

    @property
    def deadline_s(self) -> float | None:
        """When silence will decide something; None if nothing is open.

        An open row always has one, so nothing stays undecided for ever, whatever the air loses.
        """
        if self._row:
            points_s = sorted(self._row[-1].turning_points_s(self._table.thresholds))
            return next(
                (
                    point_s
                    for point_s in points_s
                    if point_s >= self._now_s and self._meaning(_just_after(point_s))
                ),
                None,
            )
        if self._finger is not None and self._finger.up_s is not None and self._may_bounce(self._finger):
            return self._finger.firm_s
        return None

    @property
    def settled(self) -> Counter | None:
        """The newest event that nothing undecided depends on, or None if there is none in this session.

        Whoever starts afresh with the events after it recognises the same gestures: those that were open,
        and at most, while the contacts may still bounce, the last one again with the same `first`.
        """
        if self._row:
            return self._row[0].before
        if self._finger is not None and self._may_bounce(self._finger):
            return self._finger.before
        return self._newest

    def _wait_until(self, now_s: float) -> list[Gesture]:
        """Nothing comes before `now_s`: decide what that settles, each thing at its own instant."""
        gestures = []
        while (deadline_s := self.deadline_s) is not None and deadline_s < now_s:
            self._now_s = _just_after(deadline_s)
            gestures += self._decide(deadline_s)
        self._now_s = max(self._now_s, now_s)
        return gestures + self._decide(self._now_s)

    def _press(self, event: ButtonEvent, at_s: float) -> None:
        """The finger went down: a new press, unless the contacts bounced."""
        thresholds = self._table.thresholds
        finger, firm_s = self._finger, at_s + thresholds.debounce_s
        if finger is not None:
            if at_s < finger.firm_s:
                finger.up_s, finger.firm_s = None, firm_s
                return
            if finger.up_s is None:
                # Its release was lost on the air, nobody knows when. The earliest that agrees with what has
                # been decided: a press held hours ago is not the beginning of what comes now.
                finger.up_s = min(at_s, finger.down_s + thresholds.long_s)
        self._finger = _Touch(event, self._newest, at_s, None, firm_s)
        self._row.append(self._finger)

    def _lift(self, at_s: float) -> None:
        """The finger went up. A second `up`, or one without a `down`, says nothing."""
        if self._finger is not None and self._finger.up_s is None:
            self._finger.up_s = at_s
            self._finger.firm_s = at_s + self._table.thresholds.debounce_s

    def _decide(self, at_s: float) -> list[Gesture]:
        """Take from the row's head what is certain by now."""
        gestures = []
        while meaning := self._meaning(self._now_s):
            used, self._row = self._row[: meaning.presses], self._row[meaning.presses :]
            used[-1].before = used[0].before
            if meaning.name is not None:
                gestures.append(Gesture(meaning.name, used[0].down, at_s))
        return gestures

    def _meaning(self, now_s: float) -> Meaning | None:
        """What the head of the row means, if that is certain when nothing more comes before `now_s`."""
        if not self._row:
            return None
        free_s = max(now_s, self._row[-1].firm_s)
        rows = product(*(touch.readings(now_s, self._table.thresholds) for touch in self._row))
        meanings = {first_meaning(self._table, row, free_s) for row in rows}
        return meanings.pop() if len(meanings) == 1 else None

    def _may_bounce(self, finger: _Touch) -> bool:
        """Tell whether a `down` could still belong to a press that is explained already."""
        if finger.up_s is None:
            return self._table.thresholds.debounce_s > 0
        return self._now_s < finger.firm_s


def _just_after(at_s: float) -> float:
    return math.nextafter(at_s, math.inf)
