"""A press that asks for something, and how its dates stand to those of an alert. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from flicbridge.alert.alert import Alert
from flicbridge.clock import Reading, Uptime


class Reaction(StrEnum):
    """What the configuration makes of a gesture on a button."""

    ALERT = "alert"
    CANCEL = "cancel"
    TEST = "test"
    ACKNOWLEDGE = "acknowledge"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Press:
    """A recognised gesture with its reaction, dated.

    Attributes:
        id: `press_id` of the gesture's first event.
        by: who pressed: `button:NAME`, or `button:NAME/small` for the small button of a Duo.
        button: the button's name in the configuration.
        gesture: the gesture's name.
        reaction: what it asks for.
        pressed_at: when the finger went down, UTC.
        received_at: now, UTC.
        was_queued: True if the button had kept it.
        key: which of the two buttons of a Duo; 0 for all others.
        received_up: `received_at` by the machine's own count.
    """

    id: UUID
    by: str
    button: str
    gesture: str
    reaction: Reaction
    pressed_at: datetime
    received_at: datetime
    was_queued: bool
    key: int = 0
    received_up: Uptime | None = None

    def redated(self, now: Reading) -> "Press":
        """The same, dated as the wall clock of now would have: it may have been set an instant ago."""
        error = now.error_of(self.received_at, self.received_up)
        return replace(self, pressed_at=self.pressed_at + error, received_at=self.received_at + error)

    def is_comparable(self, alert: Alert) -> bool:
        """Tell whether its dates and those of an alert were told by one clock.

        Not if the machine restarted in between: a clock without a battery may have stood still for a night.
        """
        return self.received_up is None or self.received_up.since_s(alert.received_up) is not None

    def follows(self, alert: Alert) -> bool:
        """Tell whether the finger went down after an alert was raised.

        What was pressed since the machine began its life came after all that it knows of an earlier one. Of
        what a button had kept for longer than that, only dates can tell.
        """
        if self.received_up is not None and not self.is_comparable(alert):
            age_s = (self.received_at - self.pressed_at).total_seconds()
            if age_s <= self.received_up.up_s:
                return True
        return alert.pressed_at <= self.pressed_at
