"""What this bridge is careful about: how answers are proven, and whose cancellation is believed."""

from dataclasses import dataclass
from typing import Final

from flicbridge.alert.alert import IN_THE_ROOM, Way
from flicbridge.alert.plan import Route
from flicbridge.alert.seal import Seal

MOST_DOUBTED: Final = 3
"""After so many cancellations without the PIN none is believed any more, or all PINs could be tried."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What the desk has to know of it.

    Attributes:
        seal: makes the codes that helpers answer with; None: there are none.
        doctor_routes: the doctor's own devices, which are told silently that somebody is on it.
        asks_pin: True if a cancellation is only believed with the PIN. No button can give it.
    """

    seal: Seal | None = None
    doctor_routes: tuple[Route, ...] = ()
    asks_pin: bool = False

    def is_doctors(self, recipient: str) -> bool:
        """Tell whether a recipient is a device of the doctor's, which an attacker may be holding."""
        return any(route.recipient == recipient for route in self.doctor_routes)

    def is_in_the_room(self, by: str, way: Way) -> bool:
        """Tell whether somebody who stands beside the doctor may be behind what was done, or be reading it.

        No link and no number proves who holds a device of the doctor's.
        """
        kind, _colon, name = by.partition(":")
        return way in IN_THE_ROOM or (kind == "recipient" and self.is_doctors(name))

    @property
    def unasked(self) -> frozenset[str]:
        """Recipients whose answers to an emergency would not be believed, so that none is asked of them."""
        devices = self.doctor_routes if self.asks_pin else ()
        return frozenset(route.recipient for route in devices)
