"""What is kept of a button."""

from dataclasses import dataclass

from flicbridge.press.event import Counter


@dataclass(frozen=True, slots=True)
class ButtonRecord:
    """What the store knows of a button.

    Attributes:
        serial: what the button calls itself.
        pairing_json: its pairing, secret, as its family wrote it; None for a button without one.
        resume: how far its events are settled; None after a new pairing.
    """

    serial: str
    pairing_json: str | None
    resume: Counter | None

    def __repr__(self) -> str:
        return f"ButtonRecord(serial={self.serial!r}, resume={self.resume!r})"
