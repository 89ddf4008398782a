"""A Flic 2 without its radio link: clock, fingers, memory, and when it wants to be heard."""

from collections.abc import Callable, Iterable

from flicbridge.press.flic2.wire.presses import TICKS_PER_S
from flicbridge.simulator.flic2.beacon import PUBLIC_AFTER_S, Beacon
from flicbridge.simulator.flic2.faults import Faults
from flicbridge.simulator.flic2.fingers import Encoded, Fingers, Motion
from flicbridge.simulator.flic2.memory import Event, Memory

type Random = Callable[[int], bytes]
"""Returns so many random bytes."""


class Body:
    """Everything about a button that goes on whether or not a host is connected.

    Attributes:
        memory: what it remembers.
        fingers: what is on it.
        beacon: how it advertises.
        faults: what is wrong with it.
        random: where its random numbers come from.
    """

    def __init__(self, memory: Memory, *, now_s: float, random: Random) -> None:
        self.memory = memory
        self.fingers = Fingers()
        self.beacon = Beacon(memory)
        self.faults = Faults()
        self.random = random
        self._since_s = now_s  # when the clock stood at memory.clock_ticks
        self._held_since_s: float | None = None

    # -- the clock -----------------------------------------------------------------------------------------

    def ticks(self, now_s: float) -> int:
        """The button's clock, 32768 to the second since its boot."""
        return self.memory.clock_ticks + int((now_s - self._since_s) * TICKS_PER_S)

    def set_clock(self, ticks: int, now_s: float) -> None:
        """Make the clock jump."""
        self.memory.clock_ticks, self._since_s = ticks, now_s

    def boot(self, now_s: float) -> None:
        """Start anew, as after a battery change: all that lived in RAM is gone."""
        boot_id = 0
        while boot_id in (0, self.memory.boot_id):
            boot_id = int.from_bytes(self.random(4), "little")
        self.memory.boot(boot_id)
        self.set_clock(0, now_s)
        self.beacon.sleep()
        self.fingers = Fingers()

    # -- the finger ----------------------------------------------------------------------------------------

    @property
    def deadline_s(self) -> float | None:
        """When the finger on the button, or its absence, will mean something."""
        due_s = self.fingers.deadline_s
        public_s = None if self._held_since_s is None else self._held_since_s + PUBLIC_AFTER_S
        return min((each for each in (due_s, public_s) if each is not None), default=None)

    def press(self, at_s: float) -> list[Event]:
        """Put a finger on the button."""
        motions = self.fingers.press(at_s)
        if not self.beacon.is_connected:
            self._held_since_s = at_s
            self.beacon.press(at_s)
        return self._keep(motions)

    def release(self, at_s: float) -> list[Event]:
        """Lift it."""
        self._held_since_s = None
        return self._keep(self.fingers.release(at_s))

    def pass_time(self, now_s: float) -> list[Event]:
        """Let time pass."""
        if self.beacon.is_connected:
            self._held_since_s = None
        elif self._held_since_s is not None and now_s >= self._held_since_s + PUBLIC_AFTER_S:
            self.beacon.go_public(self._held_since_s + PUBLIC_AFTER_S)
            self._held_since_s = None
        return self._keep(self.fingers.pass_time(now_s))

    def record(self, encoded: Encoded, at_ticks: int) -> Event:
        """Let something have happened, whatever the fingers say."""
        return self.memory.keep(encoded, at_ticks)

    def _keep(self, motions: Iterable[Motion]) -> list[Event]:
        return [self.memory.keep(self._encoded(motion), self.ticks(motion.at_s)) for motion in motions]

    def _encoded(self, motion: Motion) -> Encoded:
        if self.faults.hides_second_press and motion.encoded is Encoded.SECOND_DOWN:
            return Encoded.DOWN
        return motion.encoded
