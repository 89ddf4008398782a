"""A delivery in the courier's hands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flicbridge.alert.alert import Alert, Delivery, DeliveryState
from flicbridge.clock import Reading, Uptime, is_credible
from flicbridge.errors import Failure

LAST_CHANCE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery with all that is needed to try it.

    Attributes:
        delivery: what is owed.
        alert: the snapshot to speak of.
        attempts: tries so far, the present one included once it is leased.
        key_no: how many idempotency keys a provider has used up.
        leased: True if the present try is already on disk.
        provider_id: what the provider calls the message, once it took it.
        made_up: `made_at` by the machine's own count, if this run made it.
        code: what helpers answer with by SMS; empty if they cannot.
        secret: True once the room must not see what becomes of it.
    """

    delivery: Delivery
    alert: Alert
    attempts: int = 0
    key_no: int = 0
    leased: bool = False
    provider_id: str | None = None
    made_up: Uptime | None = None
    code: str = ""
    secret: bool = False

    @property
    def id(self) -> UUID:
        """The delivery's id."""
        return self.delivery.id

    @property
    def key(self) -> str:
        """The idempotency key: the delivery's id, with a number once a provider has used that up."""
        return f"{self.delivery.id}-{self.key_no}" if self.key_no else str(self.delivery.id)

    @property
    def made_by_count(self) -> Uptime | None:
        """When it was made, by the machine's own count; of an earlier run's, only what the press made."""
        if self.made_up is not None:
            return self.made_up
        by_press = abs(self.delivery.made_at - self.alert.received_at) < timedelta(milliseconds=1)
        return self.alert.received_up if by_press else None

    def made_at(self, now: Reading) -> datetime:
        """When it was made, as the wall clock of now would have dated it."""
        return self.delivery.made_at + now.error_of(self.delivery.made_at, self.made_by_count)

    def since_press_s(self, now: Reading) -> float | None:
        """Seconds since the finger went down; None if only dates could tell, of which some must be wrong."""
        alert = self.alert
        since_s = now.up.since_s(alert.received_up)
        if since_s is None:
            if not is_credible(alert.received_at):
                return None
            since_s = max(0.0, (now.at - alert.received_at).total_seconds())
        return since_s + max(0.0, (alert.received_at - alert.pressed_at).total_seconds())

    def expires_at(self, now: Reading) -> datetime:
        """When it is pointless, as the wall clock of now would say; never further off than when it was made.

        Where only dates tell how old it is, and any of them may be wrong, it has at least a last chance.
        """
        life = self.delivery.expires_at - self.delivery.made_at
        if now.up.since_s(self.made_by_count) is not None:
            return self.made_at(now) + life
        made_at = min(self.delivery.made_at, now.at) if is_credible(self.delivery.made_at) else now.at
        return max(made_at + life, now.at + min(life, LAST_CHANCE))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a delivery and where it left it.

    Attributes:
        job: the delivery, with the attempt counted.
        state: where it stands now.
        due_at: when it is due again, UTC.
        at: when the try began, UTC.
        took_s: how long it took.
        detail: why, in a few words, without secrets or people.
        failure: of what kind, if it failed; the history then says this instead of the state.
        provider_at: when the provider says it happened, UTC; None if it does not say.
    """

    job: Job
    state: DeliveryState
    due_at: datetime
    at: datetime
    took_s: float
    detail: str
    failure: Failure | None = None
    provider_at: datetime | None = None
