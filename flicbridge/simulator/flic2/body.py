"""A Flic 2 without its radio link: clock, fingers, memory, and when it wants to be heard."""

from collections.abc import Callable, Iterable, Mapping

from flicbridge.press.flic2.duo import Swipe
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
        fingers: what is on each of its keys: 0 the only one, or the big one of a Duo; 1 the small one.
        beacon: how it advertises.
        faults: what is wrong with it.
        random: where its random numbers come from.
    """

    def __init__(self, memory: Memory, *, now_s: float, random: Random) -> None:
        self.memory = memory
        self.fingers = _fingers(memory)
        self.beacon = Beacon(memory)
        self.faults = Faults()
        self.random = random
        self._since_s = now_s  # when the clock stood at memory.clock_ticks
        self._held_since_s: dict[int, float] = {}

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
        self.fingers = _fingers(self.memory)

    # -- the finger ----------------------------------------------------------------------------------------

    @property
    def deadline_s(self) -> float | None:
        """When the finger on the button, or its absence, will mean something."""
        dues = [fingers.deadline_s for fingers in self.fingers.values()]
        dues += [since_s + PUBLIC_AFTER_S for since_s in self._held_since_s.values()]
        return min((each for each in dues if each is not None), default=None)

    @property
    def is_pressed(self) -> bool:
        """Whether there is a finger on any key."""
        return any(fingers.is_down for fingers in self.fingers.values())

    def press(self, at_s: float, key: int) -> list[Event]:
        """Put a finger on a key."""
        motions = self.fingers[key].press(at_s)
        if not self.beacon.is_connected:
            self._held_since_s[key] = at_s
            self.beacon.press(at_s)
        return self._keep(motions, key)

    def release(self, at_s: float, key: int, swipe: Swipe | None) -> list[Event]:
        """Lift it; a Duo may think that it was swiped with."""
        self._held_since_s.pop(key, None)
        return self._keep(self.fingers[key].release(at_s), key, swipe)

    def pass_time(self, now_s: float) -> list[Event]:
        """Let time pass."""
        if self.beacon.is_connected:
            self._held_since_s.clear()
        for key, since_s in list(self._held_since_s.items()):
            if now_s >= since_s + PUBLIC_AFTER_S:
                self.beacon.go_public(since_s + PUBLIC_AFTER_S)
                del self._held_since_s[key]
        return [
            event
            for key, fingers in self.fingers.items()
            for event in self._keep(fingers.pass_time(now_s), key)
        ]

    def record(self, encoded: Encoded, at_ticks: int, key: int) -> Event:
        """Let something have happened, whatever the fingers say."""
        return self.memory.keep(encoded, at_ticks, key)

    def _keep(self, motions: Iterable[Motion], key: int, swipe: Swipe | None = None) -> list[Event]:
        return [
            self.memory.keep(self._encoded(motion), self.ticks(motion.at_s), key, swipe) for motion in motions
        ]

    def _encoded(self, motion: Motion) -> Encoded:
        if self.faults.hides_second_press and motion.encoded is Encoded.SECOND_DOWN:
            return Encoded.DOWN
        return motion.encoded


def _fingers(memory: Memory) -> Mapping[int, Fingers]:
    return {key: Fingers() for key in range(2 if memory.identity.is_duo else 1)}
