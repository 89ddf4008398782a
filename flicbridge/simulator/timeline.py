"""The timeline of a scenario: what happened when, as values. Their words are in `words`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flicbridge.clock import Clock


class What(StrEnum):
    """What can happen. The facts of each are listed with it."""

    FINGER_DOWN = "finger_down"
    """button"""
    FINGER_UP = "finger_up"
    """button"""
    GESTURE = "gesture"
    """button, gesture, reaction"""
    TAKEN = "taken"
    """button, gesture, effect, alert, number (of the press), queued, age_s, took_s (since it was recognised),
    safe (on disk)"""
    ARRIVED = "arrived"
    """channel, recipient, medium, purpose, occasion, alert, explained, took_s since the press, subject, text,
    late"""
    FAILED_TRY = "failed_try"
    """channel, recipient, attempt, detail, is_repeated (the line before it said the same)"""
    REFUSED = "refused"
    """channel, recipient, detail: for good"""
    GIVEN_UP = "given_up"
    """channel, recipient, detail: too old"""
    WITHDRAWN = "withdrawn"
    """channel, recipient"""
    DELIVERED = "delivered"
    """channel, recipient, took_s since the press: the provider says that the handset has it"""
    MOVED = "moved"
    """alert, happening: by a person, through the API"""
    FAULT = "fault"
    """channel, kind, status"""
    HEALED = "healed"
    """channel"""
    NETWORK_DOWN = "network_down"
    NETWORK_UP = "network_up"
    OUT_OF_RANGE = "out_of_range"
    """button"""
    BACK_IN_RANGE = "back_in_range"
    """button"""
    BATTERY_CHANGED = "battery_changed"
    """button"""
    LINK_UP = "link_up"
    """button"""
    LINK_LOST = "link_lost"
    """button"""
    RADIO_OFF = "radio_off"
    RADIO_ON = "radio_on"
    CRASHED = "crashed"
    STARTED = "started"
    ERROR = "error"
    """event, detail: what the bridge, or a library in it, logged as an error"""
    OBSTACLE = "obstacle"
    """reason, detail: a step could not be played"""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    Attributes:
        at_s: seconds since the scenario began.
        what: what kind of thing.
        facts: see `What`; ready for JSON.
    """

    at_s: float
    what: What
    facts: Mapping[str, Any] = field(default_factory=dict)


class Timeline:
    """Writes down what happens, and shows it to whoever watches.

    Attributes:
        began_s: when the scenario began, on the clock's monotonic scale.
        moments: what happened so far, in the order in which it became known.
    """

    def __init__(self, clock: Clock, watch: Callable[[Moment], None]) -> None:
        self.began_s = clock.now_s()  # until `begin`
        self.moments: list[Moment] = []
        self._clock = clock
        self._watch = watch

    def begin(self) -> None:
        """The scenario begins now."""
        self.began_s = self._clock.now_s()

    def note(self, what: What, *, at_s: float | None = None, **facts: Any) -> None:
        """Something happened, now or at a monotonic time."""
        moment = Moment((self._clock.now_s() if at_s is None else at_s) - self.began_s, what, facts)
        self.moments.append(moment)
        self._watch(moment)
