"""What one message tells, as facts: which press, how old it is, whether that is too old to be fresh."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import Alert, AlertKind, Purpose


@dataclass(frozen=True, slots=True)
class Telling:
    """One message as it stands at the moment of sending, before it is put into words.

    Attributes:
        alert, purpose, occasion: as in `Delivery`.
        occasion_at: when the later press or the cancellation happened, or None if nobody knows; without
            meaning for the alert itself, which has its own times.
        sent_at: now, UTC; all ages are as of this time.
        zone: where the practice's clock is.
        fresh_s: a press older than this is late.
        translate: puts an English text into the recipient's language.
    """

    alert: Alert
    purpose: Purpose
    occasion: int
    occasion_at: datetime | None
    sent_at: datetime
    zone: ZoneInfo
    fresh_s: float
    translate: Callable[[str], str]

    @property
    def press_at(self) -> datetime:
        """When the press happened that this message tells of; for a cancellation, the one it takes back."""
        if self.purpose is Purpose.AGAIN and self.occasion_at is not None:
            return self.occasion_at
        return self.alert.pressed_at

    @property
    def press_age_s(self) -> float:
        """How old that press is, in seconds."""
        return self.alert_age_s if self.press_at == self.alert.pressed_at else self.age_s(self.press_at)

    @property
    def alert_age_s(self) -> float:
        """How old the press is that raised the alert.

        Never less than it waited in the button: the button measured that, whatever became of the wall clock.
        """
        return max(self.age_s(self.alert.pressed_at), self._waited_s)

    @property
    def is_late(self) -> bool:
        """True if that press is too old to be taken for one that just happened."""
        return self.press_age_s > self.fresh_s

    @property
    def waited_in_button(self) -> bool:
        """True if the button kept that press for a noticeable time before it could tell us."""
        alert = self.alert
        pressed = alert.kind is not AlertKind.OVERDUE and self.purpose is not Purpose.AGAIN
        return pressed and alert.was_queued and self._waited_s >= 1

    @property
    def _waited_s(self) -> float:
        return (self.alert.received_at - self.alert.pressed_at).total_seconds()

    @property
    def press_number(self) -> int:
        """Which press this is since help was needed; a missed check-in began without one."""
        return self.occasion + (self.alert.kind is not AlertKind.OVERDUE)

    @property
    def fix_at(self) -> datetime | None:
        """When the position was true, or None if there is none."""
        position = self.alert.position
        return None if position is None else self.alert.pressed_at - timedelta(seconds=position.age_s)

    def age_s(self, at: datetime) -> float:
        """How long ago that was, in seconds; 0 for what a clock set back has put into the future."""
        return max(0.0, (self.sent_at - at).total_seconds())

    def local(self, at: datetime) -> datetime:
        """The same instant on the practice's clock."""
        return at.astimezone(self.zone)

    def is_today(self, at: datetime) -> bool:
        """Tell whether it was on the day of sending, as the practice counts days."""
        return self.local(at).date() == self.local(self.sent_at).date()
