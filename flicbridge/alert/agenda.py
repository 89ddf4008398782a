"""The agenda: what happens by itself while nobody does anything. Pure; it shows when to ask it next.

Of a recipient whose channels are used in turn, the first one carries the message and the others are kept in
reserve. The next one's turn comes when the one before failed for good, or brought no answer in time; in that
case it is only wanted if nobody has answered. And an alert that nobody answers comes to an end.

All times are monotonic seconds: a wall clock that jumps moves nothing here.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from flicbridge.alert.alert import Delivery, DeliveryState, Purpose

type Group = tuple[UUID, Purpose, int, int, str]
"""One message to one recipient, whatever the channel: alert, purpose, occasion, step, recipient."""

FAILED = (DeliveryState.FAILED, DeliveryState.EXPIRED)


@dataclass(slots=True)
class _Line:
    """The channels in reserve for one message, next one first.

    Attributes:
        waiting: never empty.
        due_s: when the next one's turn comes; None if only a failure can bring it.
    """

    waiting: list[Delivery]
    due_s: float | None


class Agenda:
    """Keeps the channels in reserve and the ends of alerts."""

    def __init__(self) -> None:
        self._lines: dict[Group, _Line] = {}
        self._ends_s: dict[UUID, float] = {}

    @property
    def next_s(self) -> float | None:
        """When something is due, or None."""
        dues = [line.due_s for line in self._lines.values() if line.due_s is not None]
        return min((*dues, *self._ends_s.values()), default=None)

    def keep(self, delivery: Delivery, due_s: float) -> None:
        """Keep a delivery in reserve, of a later turn than the first, until `due_s` at the latest."""
        line = self._lines.setdefault(_group(delivery), _Line([], None))
        line.waiting.append(delivery)
        line.waiting.sort(key=lambda waiting: waiting.turn)
        if line.waiting[0] is delivery:
            line.due_s = due_s

    def end(self, alert: UUID, at_s: float) -> None:
        """Note when an alert is given up if nobody answers."""
        self._ends_s[alert] = at_s

    def pass_time(self, seconds: float) -> None:
        """Bring turns nearer by a time that no clock of ours saw pass.

        Not the ends: while the machine slept, nobody who wanted to answer could.
        """
        for line in self._lines.values():
            if line.due_s is not None:
                line.due_s -= seconds

    def answered(self, alert: UUID) -> None:
        """Note that there is nothing to give up any more."""
        self._ends_s.pop(alert, None)

    def forget(self, alert: UUID) -> None:
        """Let nothing more happen by itself for an alert."""
        self.answered(alert)
        for group in [group for group in self._lines if group[0] == alert]:
            del self._lines[group]

    def has_end(self, alert: UUID) -> bool:
        """Tell whether it is noted already when an alert is given up."""
        return alert in self._ends_s

    def take_ended(self, now_s: float) -> list[UUID]:
        """Alerts whose end has come; each is told once."""
        ended = [alert for alert, end_s in self._ends_s.items() if end_s <= now_s]
        for alert in ended:
            del self._ends_s[alert]
        return ended

    def due(self, now_s: float) -> list[Delivery]:
        """What should leave now because no answer came in time; in reserve until `take` or `hold`."""
        return [
            line.waiting[0] for line in self._lines.values() if line.due_s is not None and line.due_s <= now_s
        ]

    def hold(self, delivery: Delivery) -> None:
        """Keep it in reserve for a failure alone: somebody has answered, and nobody need be told for that."""
        self._lines[_group(delivery)].due_s = None

    def after(self, delivery: Delivery, state: DeliveryState) -> Delivery | None:
        """What should leave now because of what became of a try; it stays in reserve until `take`."""
        line = self._lines.get(_group(delivery))
        if state not in FAILED or line is None or line.waiting[0].turn != delivery.turn + 1:
            return None
        return line.waiting[0]

    def take(self, delivery: Delivery, now_s: float) -> Delivery:
        """Take a delivery out of reserve, due at once; from now on the next channel's turn comes nearer."""
        group = _group(delivery)
        line = self._lines[group]
        line.waiting.remove(delivery)
        lasts = delivery.next_after or timedelta(0)
        line.due_s = now_s + lasts.total_seconds()
        if not line.waiting:
            del self._lines[group]
        lives = delivery.expires_at - delivery.due_at
        return replace(delivery, due_at=delivery.made_at, expires_at=delivery.made_at + lives)


def _group(delivery: Delivery) -> Group:
    return delivery.alert, delivery.purpose, delivery.occasion, delivery.step, delivery.recipient
