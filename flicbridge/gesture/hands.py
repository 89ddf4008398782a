"""The gestures of a button with several keys: a recogniser for each, and one word on what is settled.

A Flic Duo tells the events of both its keys in one row, in the order of time. Each key has a recogniser of
its own, to which an event of another key says that nothing had happened here before it.

What is settled is harder. It is one place in the row, from which the button tells everything again after a
crash, and both recognisers must then read what they read before. So it may not lie within a gesture of either
key. The lesser of what the two have settled will not do: where a double press of one key began before a
press of the other and ended after it, that is the middle of the double press, and its second half, heard
alone, is a single one. Hence what is settled only moves on when both keys are at rest.
"""

import math
from collections.abc import Iterable, Mapping

from flicbridge.gesture.gesture import Gesture
from flicbridge.gesture.recogniser import Recogniser
from flicbridge.gesture.table import GestureTable
from flicbridge.press.event import ButtonEvent, Counter


class Hands:
    """Recognises the gestures of one button, whatever keys it has.

    Args:
        tables: the gestures of each key that has any. What happens to other keys means nothing.
    """

    def __init__(self, tables: Mapping[int, GestureTable]) -> None:
        self._recognisers = {key: Recogniser(table) for key, table in tables.items()}
        self.reset()

    def reset(self) -> None:
        """Begin a new session: see `Recogniser.reset`."""
        for recogniser in self._recognisers.values():
            recogniser.reset()
        self._newest: Counter | None = None  # of all events
        self._rested: Counter | None = None  # the newest when all keys were last at rest

    def feed(self, event: ButtonEvent) -> list[Gesture]:
        """Take in one event and return the gestures it decides, the earliest decision first."""
        # Before it nothing had happened: that alone may bring all keys to rest.
        gestures = self.pass_time(math.nextafter(event.at_s, -math.inf))
        self._newest = event.counter
        for key, recogniser in self._recognisers.items():
            if key != event.key:
                recogniser.pass_by(event.counter)
        touched = self._recognisers.get(event.key)
        return gestures + self._each([] if touched is None else [touched.feed(event)])

    def pass_time(self, at_s: float) -> list[Gesture]:
        """Take in that nothing happened up to and including `at_s`; return the gestures that this decides."""
        return self._each(recogniser.pass_time(at_s) for recogniser in self._recognisers.values())

    @property
    def deadline_s(self) -> float | None:
        """When silence will decide something; None if nothing is open."""
        deadlines = (recogniser.deadline_s for recogniser in self._recognisers.values())
        return min((each for each in deadlines if each is not None), default=None)

    @property
    def settled(self) -> Counter | None:
        """The newest event that nothing undecided depends on, or None if there is none in this session.

        Whoever starts afresh with the events after it recognises the same gestures; of those that were told
        already some may be told again, with the same `first`.
        """
        if len(self._recognisers) == 1:
            (recogniser,) = self._recognisers.values()
            return recogniser.settled
        return self._rested

    def _each(self, told: Iterable[list[Gesture]]) -> list[Gesture]:
        gestures = [gesture for each in told for gesture in each]
        if all(recogniser.settled == self._newest for recogniser in self._recognisers.values()):
            self._rested = self._newest
        return sorted(gestures, key=lambda gesture: gesture.decided_at_s)
