"""A button without hardware: pressed over the API, by a drill, by a script.

It counts and keeps time as a Flic does, so everything behind it works as with a real button. Its clock is its
own invention: after each press it leaps far ahead, hence every gesture is decided at once, without waiting.
"""

import asyncio
import itertools
import math
from collections.abc import Sequence

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.observation import Observe
from flicbridge.press.event import ButtonEvent, Counter, EventKind
from flicbridge.press.facts import Facts
from flicbridge.press.source import Hear, LinkUp

# Longer than any hold or pause that a gesture may ask for, so the next press is never taken as its sequel.
SETTLE_S = 3600.0
COUNTS_PER_PRESS = 4  # as on a Flic: down 4k+1, hold 4k+2, up 4k+3, silence 4k+4


class VirtualButton:
    """A button of family `virtual`.

    Observed of `button:NAME`: `last_heard` (RFC 3339).

    Args:
        button: its name in the configuration.
        boot_id: a random 32-bit number, new at each start of the bridge: the counters start over too.
        clock: stamps the arrival of events.
        observe: told when it was last pressed.
    """

    def __init__(self, button: str, boot_id: int, *, clock: Clock, observe: Observe) -> None:
        self.button = button
        self.serial = f"virtual:{button}"
        self._boot_id = boot_id
        self._clock = clock
        self._facts = Facts(f"button:{button}", observe)
        self._hear: Hear | None = None
        self._presses = 0
        self._now_s = 0.0

    async def run(self, hear: Hear) -> None:
        """Be there until cancelled."""
        hear(LinkUp(self.button, self._boot_id, self._now_s, self._clock.now_s()))
        self._hear = hear
        try:
            await asyncio.Event().wait()
        finally:
            self._hear = None

    def acknowledge(self, counter: Counter) -> None:
        """Nothing to do: whoever presses waits for the commit itself."""

    def press(self, script: Sequence[tuple[float, float]]) -> Counter:
        """Press as the script says. All its events are heard before this returns.

        Args:
            script: when the finger goes down and up again, in seconds from now, one pair per press, in order.

        Returns:
            The counter of the first `down`: with the serial, the identity of whatever comes of it.

        Raises:
            ValueError: the script is empty, or it runs backwards.
            ButtonUnreachableError: nobody runs this button.
        """
        _check_order(script)
        if self._hear is None:
            raise ButtonUnreachableError(f"the virtual button {self.button!r} is not running")
        began_s, first = self._now_s, self._counter(1)
        for down_s, up_s in script:
            self._hear(self._event(EventKind.DOWN, began_s + down_s, self._counter(1)))
            self._hear(self._event(EventKind.UP, began_s + up_s, self._counter(3)))
            self._presses += 1
        self._now_s = began_s + script[-1][1] + SETTLE_S
        self._hear(self._event(EventKind.STILL, self._now_s, self._counter(0)))
        self._facts.tell("last_heard", self._clock.now_at().isoformat(timespec="seconds"))
        return first

    def _counter(self, slot: int) -> Counter:
        return Counter(self._boot_id, (COUNTS_PER_PRESS * self._presses + slot) % 2**32)

    def _event(self, kind: EventKind, at_s: float, counter: Counter) -> ButtonEvent:
        arrived_s = self._clock.now_s()
        return ButtonEvent(self.button, self.serial, kind, at_s, counter, False, 0.0, arrived_s)


def _check_order(script: Sequence[tuple[float, float]]) -> None:
    """Raise ValueError unless time runs forwards through the whole script."""
    instants = [instant for press in script for instant in press]
    if not instants:
        raise ValueError("a press script needs at least one (down_s, up_s) pair")
    forwards = all(earlier < later for earlier, later in itertools.pairwise(instants))
    if not (forwards and instants[0] >= 0 and math.isfinite(instants[-1])):
        raise ValueError(f"a press script runs forwards in time, from 0: {list(script)}")
