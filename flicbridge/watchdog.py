"""Vouches for the bridge: to the service manager, to the board, and so to whoever asks for `status`.

It vouches only for what it has just seen: the canary came through, and no vital part has used up its new
starts. What it does not vouch for, the service manager starts anew; the buttons keep what is pressed
meanwhile. Without a service manager the fault is shown and told, and everything goes on trying.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from flicbridge.canary import Canary
from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.guard.board import Board
from flicbridge.guard.parts import failing
from flicbridge.observation import Observation
from flicbridge.path import ButtonPath
from flicbridge.servicemanager import ServiceManager

log = structlog.get_logger()

SING_EVERY_S: Final = 20.0
# A press that is not committed by then is not on its way; a slow disk is given up on before (the store's own
# limit), and then the press is sent from memory.
LIMIT_S: Final = 10.0
# So many canaries within the patience of the service manager: one may be late.
PER_PATIENCE: Final = 3


@dataclass(slots=True)
class Watchdog:
    """See the module."""

    canary: Canary
    manager: ServiceManager
    board: Board
    clock: Clock
    _is_well: bool = field(init=False, default=True)

    @property
    def every_s(self) -> float:
        """How often it looks."""
        patience_s = self.manager.watchdog_s
        return SING_EVERY_S if patience_s is None else min(SING_EVERY_S, patience_s / PER_PATIENCE)

    async def watch(self, paths: Callable[[], Mapping[str, ButtonPath]]) -> None:
        """Look, and vouch if all is well; for ever.

        Args:
            paths: those of the buttons that are listened to now.
        """
        while True:
            took_s = await self._proven(paths())
            self._say(took_s)
            if took_s is not None and not self._is_a_vital_part_failing():
                self.manager.lives(f"a press would get through ({took_s * 1000:.0f} ms)")
            await self.clock.sleep(self.every_s)

    async def _proven(self, paths: Mapping[str, ButtonPath]) -> float | None:
        """How long a press takes to get through; None if it does not."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return await self.canary.sing(paths)
        except (TimeoutError, ButtonUnreachableError):
            return None

    def _say(self, took_s: float | None) -> None:
        is_well = took_s is not None
        if is_well != self._is_well:
            self._is_well = is_well
            (log.info if is_well else log.error)("pipeline", proven=is_well)
        self.board.observe(Observation("pipeline", "state", "ok" if is_well else "stuck"))
        if took_s is not None:
            self.board.observe(Observation("pipeline", "took_s", round(took_s, 4)))

    def _is_a_vital_part_failing(self) -> bool:
        return any(part.is_vital for part in failing(self.board, self.clock.now_at()))
