"""What the API needs of a running bridge."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from flicbridge.alert.alert import Happening, Way
from flicbridge.alert.desk import Standing
from flicbridge.alert.drill import Drill, DrillKind
from flicbridge.guard.tally import Counted
from flicbridge.outbox.ledger import Taken


class Daemon(Protocol):
    """A running bridge, seen from the API."""

    async def status(self) -> Mapping[str, Any]:
        """How every part is doing; ready for JSON."""
        ...

    def counted(self) -> Counted:
        """How often things happened since the process began."""
        ...

    async def press(self, button: str, gesture: str) -> Taken:
        """Press a virtual (or simulated) button; returns once the press is committed.

        Raises:
            InputError: there is no such button, it is a real one, or it knows no such gesture.
            StoreError: the press could not be committed; it was sent from memory.
        """
        ...

    async def reload(self) -> Mapping[str, Any]:
        """Read the settings file and the pairings anew, and listen to the buttons as they are now.

        Returns:
            `listening` and `stopped`: names of buttons that are listened to from now on, or no longer, be it
            because they changed; `restart_needed`: something else changed too, which needs a new start.

        Raises:
            InputError: the settings file cannot work; everything stays as it was.
            StoreError: the pairings cannot be read; everything stays as it was.
        """
        ...

    async def pause(self, button: str, seconds: float) -> None:
        """Let go of a button for a while, so that somebody else may talk to it; 0 takes it up again.

        Raises:
            InputError: there is no such button, or it has no link to let go of.
        """
        ...

    async def drill(self, kind: DrillKind, by: str) -> Drill:
        """Have a drill held now; returns it at once, without a result.

        Raises:
            DrillRefusedError: nobody agreed to it, one is under way, or an alert is open.
        """
        ...

    async def list_drills(self, limit: int) -> Sequence[Drill]:
        """The newest drills, newest first."""
        ...

    def due_drills(self) -> Sequence[Mapping[str, Any]]:
        """The drills that take place by themselves, and when the next ones are due; ready for JSON."""
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

    async def move_alert(
        self, alert: UUID, what: Happening, by: str, way: Way = Way.API, pin: str | None = None
    ) -> bool:
        """Acknowledge, cancel, confirm or close; returns False if that moves nothing.

        Where a PIN is asked for, one that is wrong or missing gets the same answer as the right one.
        """
        ...

    @property
    def asks_pin(self) -> bool:
        """Whether what is done in the room is only believed with a PIN."""
        ...

    def is_pin(self, pin: str) -> bool:
        """Tell whether this is the PIN; False where none is asked for."""
        ...

    def standing(self, alert: UUID) -> Standing | None:
        """How an alert stands in truth; None if it is closed or unknown."""
        ...
