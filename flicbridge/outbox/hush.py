"""What the room may notice of the deliveries of an alert that goes on although it looks stopped.

Whoever forced the doctor may be reading along. So log and status say what they would say, had the alert been
stopped: of a message that was still owed, that it was not sent; and of all that becomes of it in truth,
nothing. Nothing is remembered here: what was hidden before a restart says so itself (`Job.secret`).
"""

from dataclasses import replace

from flicbridge.alert.alert import FOLLOW_UPS, Delivery, DeliveryState, Purpose
from flicbridge.alert.desk import Desk
from flicbridge.outbox.job import Attempt, Job

NOT_WANTED = "answered, cancelled or closed first, or what it reminds of is still being tried"
"""Why a message is not sent: in the same words for all, so that none can be told from another."""


class Hush:
    """Knows what is secret of the deliveries of hushed alerts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def is_shown(self, job: Job) -> bool:
        """Tell whether the room may notice that a delivery is carried, or asked after."""
        if job.secret:
            return False
        return job.provider_id is not None or not self.is_called_off(job.delivery)

    def is_called_off(self, delivery: Delivery) -> bool:
        """Tell whether the room believes that a delivery is not needed any more, although it may be."""
        if delivery.purpose in FOLLOW_UPS:
            # One that follows a doubted cancellation: believed, that one would have left nothing to cancel.
            return delivery.purpose is Purpose.CANCELLED and delivery.occasion < 0
        return self._desk.is_hushed(delivery.alert) and not self._desk.is_seen_wanted(delivery)

    def told(self, attempt: Attempt) -> Attempt:
        """An attempt that the room may notice, as it may read of it."""
        delivery = attempt.job.delivery
        if delivery.purpose is Purpose.DOUBTED:
            harmless = replace(delivery, purpose=Purpose.CANCELLED)
            return replace(attempt, job=replace(attempt.job, delivery=harmless))
        if attempt.state is DeliveryState.QUEUED and self.is_called_off(delivery):
            return replace(attempt, state=DeliveryState.WITHDRAWN)  # it began before, and is not tried again
        return attempt
