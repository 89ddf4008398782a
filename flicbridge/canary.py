"""The canary: a press that no finger made, to see whether a press would get through.

It goes the way of every press: a button is pressed, its gesture is recognised, the desk decides, the database
takes a transaction. It means nothing there, so that nothing is written and nobody is told; but whatever
hangs on the way, a blocked loop, a dead task, a lock that is never given back, a database that does not
answer, makes it late. The paths of the real buttons are asked too, each whether it still takes what it hears.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from flicbridge.alert.desk import Reaction
from flicbridge.clock import Clock
from flicbridge.gesture.script import finger_script
from flicbridge.gesture.table import COMMON, GestureTable, Thresholds
from flicbridge.observation import Observation
from flicbridge.outbox.ledger import Ledger
from flicbridge.path import ButtonPath, Fingers
from flicbridge.press.virtual import VirtualButton
from flicbridge.supervise import Start

NAME: Final = "~canary"  # no button of the settings can be called so
GESTURE: Final = "single"


class Canary:
    """Use `sing` while all `parts` run."""

    def __init__(self, ledger: Ledger, boot_id: int, *, clock: Clock) -> None:
        """Build its button; `boot_id` as for any virtual one."""
        table = GestureTable({GESTURE: COMMON[GESTURE]}, Thresholds())
        fingers = Fingers(NAME, table, {GESTURE: Reaction.NONE}, allowance_s=0.0)
        self._button = VirtualButton(NAME, boot_id, clock=clock, observe=_ignore)
        self._path = ButtonPath(
            fingers,
            self._button,
            ledger,
            lambda: None,
            clock=clock,
            observe=_ignore,
            leaves_mark=False,
        )
        self._clock = clock

    def parts(self) -> Iterator[tuple[str, Start]]:
        """What has to be kept running, by name."""
        yield "canary", self._path.listen
        yield "canary_path", self._path.carry

    async def sing(self, paths: Mapping[str, ButtonPath]) -> float:
        """Press, and return once the press and an echo from every path came through; how long it took, in s.

        The caller limits the time.

        Raises:
            ButtonUnreachableError: the canary's own button does not run.
        """
        began_s = self._clock.now_s()
        taken = self._path.next_taken()
        self._button.press(finger_script(self._path.fingers.table, GESTURE))
        await taken
        await asyncio.gather(*(path.echo() for path in paths.values()))
        return self._clock.now_s() - began_s


def _ignore(_observation: Observation) -> None:
    """What a canary does is nobody's business."""
