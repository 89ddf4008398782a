"""What the API needs of a running bridge."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from flicbridge.alert.alert import Happening
from flicbridge.alert.desk import Standing
from flicbridge.outbox.ledger import Taken


class Daemon(Protocol):
    """A running bridge, seen from the API."""

    async def status(self) -> Mapping[str, Any]:
        """How every part is doing; ready for JSON."""
        ...

    async def press(self, button: str, gesture: str) -> Taken:
        """Press a virtual (or simulated) button; returns once the press is committed.

        Raises:
            InputError: there is no such button, it is a real one, or it knows no such gesture.
            StoreError: the press could not be committed; it was sent from memory.
        """
        ...

    async def list_alerts(self, limit: int) -> Sequence[Standing]:
        """The newest alerts, newest first."""
        ...

    async def find_alert(self, prefix: str) -> UUID | None:
        """The one alert whose id begins like this."""
        ...

    async def show_alert(self, alert: UUID) -> Mapping[str, Any] | None:
        """Standing, history, deliveries and attempts of one alert (`Store.show_alert`), or None."""
        ...

    async def move_alert(self, alert: UUID, what: Happening, by: str) -> bool:
        """Acknowledge, cancel, confirm or close; returns False if that moves nothing."""
        ...
