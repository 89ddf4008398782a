"""What one message tells, as facts: which press, how old it is, whether that is too old to be fresh."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import Alert, AlertKind, Purpose, Way
from flicbridge.clock import Uptime, is_credible


@dataclass(frozen=True, slots=True)
class Telling:
    """One message as it stands at the moment of sending, before it is put into words.

    Attributes:
        alert, purpose, occasion: as in `Delivery`.
        occasion_at: when the later press or the cancellation happened, or None if nobody knows; without
            meaning for the alert itself, which has its own times.
        sent_at: now, UTC; all ages are as of this time.
        zone: where the practice's clock is.
        fresh_s: a press that was older than this when the bridge learnt of it is late.
        translate: puts an English text into the recipient's language.
        sent_up: `sent_at` by the machine's own count, if known.
        by, way: who did what a follow-up tells of, and how; as in `Delivery`.
        old_s: a press that was older than this is not only late but old.
    """

    alert: Alert
    purpose: Purpose
    occasion: int
    occasion_at: datetime | None
    sent_at: datetime
    zone: ZoneInfo
    fresh_s: float
    translate: Callable[[str], str]
    sent_up: Uptime | None = None
    by: str = ""
    way: Way = Way.NONE
    old_s: float = math.inf

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
        """True if the bridge learnt of that press late; an escalation or a reminder in time is not late."""
        return not self.has_age or (self.purpose is not Purpose.AGAIN and self._waited_s > self.fresh_s)

    @property
    def is_old(self) -> bool:
        """True if it learnt of it so late that the site has a policy of its own for such presses."""
        return self.purpose is not Purpose.AGAIN and self._waited_s > self.old_s

    @property
    def is_aged(self) -> bool:
        """True if that press is too long ago by now to be taken for one that just happened, or may be."""
        return not self.has_age or self.press_age_s > self.fresh_s

    @property
    def happened_at(self) -> datetime | None:
        """When that happened which this message tells of beyond the alert itself, or None."""
        return None if self.purpose in (Purpose.ALERT, Purpose.REMINDER) else self.occasion_at

    @property
    def waited_s(self) -> float:
        """How old the press was when the bridge learnt of it."""
        return max(0.0, self._waited_s)

    @property
    def has_age(self) -> bool:
        """False if nobody knows how old that press is: no clock was set, then or now, and none counted."""
        counted = self.sent_up is not None and self.sent_up.since_s(self.alert.received_up) is not None
        return counted or (is_credible(self.press_at) and is_credible(self.sent_at))

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
