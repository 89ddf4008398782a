"""A delivery in the courier's hands."""

from dataclasses import dataclass
from uuid import UUID

from flicbridge.alert.alert import Alert, Delivery


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
    """

    delivery: Delivery
    alert: Alert
    attempts: int = 0
    key_no: int = 0
    leased: bool = False
    provider_id: str | None = None

    @property
    def id(self) -> UUID:
        """The delivery's id."""
        return self.delivery.id

    @property
    def key(self) -> str:
        """The idempotency key: the delivery's id, with a number once a provider has used that up."""
        return f"{self.delivery.id}-{self.key_no}" if self.key_no else str(self.delivery.id)
