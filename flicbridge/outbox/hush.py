"""What the log tells of a delivery of an alert that goes on although the room sees that it was stopped.

Whoever forced the doctor may be reading along. So the log says what it would say, had the alert been stopped:
of a message that was still owed, that it was not sent; and of all that becomes of it in truth, nothing.
"""

from dataclasses import replace
from uuid import UUID

from flicbridge.alert.alert import FOLLOW_UPS, Delivery, DeliveryState, Purpose
from flicbridge.alert.desk import Desk
from flicbridge.outbox.job import Attempt

NOT_WANTED = "answered or cancelled first, or what it reminds of is still being tried"
"""Why a message is not sent: in the same words for all, so that none can be told from another."""


class Hush:
    """Knows what was told of the deliveries of hushed alerts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told: set[UUID] = set()

    def is_secret(self, delivery: Delivery) -> bool:
        """Tell whether the room believes that a delivery is not sent any more."""
        if delivery.purpose in FOLLOW_UPS or not self._desk.is_hushed(delivery.alert):
            return False
        return not self._desk.is_seen_wanted(delivery)

    def told(self, attempt: Attempt) -> Attempt | None:
        """The attempt as the room may read of it, or None if it may not."""
        delivery = attempt.job.delivery
        if delivery.purpose is Purpose.DOUBTED:
            harmless = replace(delivery, purpose=Purpose.CANCELLED)
            return replace(attempt, job=replace(attempt.job, delivery=harmless))
        if not self.is_secret(delivery):
            return attempt
        if delivery.id in self._told:
            return None
        # What reaches a handset now and was not told of before was sent while nothing was doubted.
        if attempt.state is DeliveryState.DELIVERED:
            return attempt
        self._told.add(delivery.id)
        tries = attempt.job.attempts - (attempt.state is not DeliveryState.WITHDRAWN)
        return replace(
            attempt,
            job=replace(attempt.job, attempts=max(tries, 0)),
            state=DeliveryState.WITHDRAWN,
            took_s=0.0,
            detail=NOT_WANTED,
            failure=None,
        )
