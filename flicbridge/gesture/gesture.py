"""The one value that leaves this stage: what the fingers said."""

from dataclasses import dataclass

from flicbridge.press.event import ButtonEvent, Counter


@dataclass(frozen=True, slots=True)
class Gesture:
    """A gesture that somebody made.

    Attributes:
        name: `single`, `double`, `triple`, `long`, or what the installer calls a rhythm.
        first: the `down` it began with. Its serial and counter name the gesture for ever; how old it was on
            arrival, and whether the button had kept it, hold for the whole gesture.
        decided_at_s: when nothing could change it any more, on the button's clock.
    """

    name: str
    first: ButtonEvent
    decided_at_s: float

    @property
    def button(self) -> str:
        """The button's name in the configuration."""
        return self.first.button

    @property
    def serial(self) -> str:
        """What the button calls itself."""
        return self.first.serial

    @property
    def counter(self) -> Counter:
        """Where in the button's life the gesture began."""
        return self.first.counter

    @property
    def key(self) -> int:
        """Which of the two buttons of a Duo: 0 the big one, 1 the small one; 0 for all others."""
        return self.first.key

    @property
    def was_queued(self) -> bool:
        """True if the button had kept it because we were not connected."""
        return self.first.was_queued

    @property
    def pressed_s(self) -> float:
        """When the finger first went down, on our monotonic clock."""
        return self.first.arrived_s - self.first.age_s
