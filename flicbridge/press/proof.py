"""The proof that a button is heard: somebody presses it once, and nothing else comes of it.

The press is settled as soon as it is heard, so that whoever listens to this button next does not take it for
a call for help; so is whatever follows it closely, for a second press would be one by itself.

A press that the button has kept from before all this may be somebody's call for help. It is left to whoever
listens next, and with it everything that came after it: a button is settled up to a point.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from flicbridge.clock import Clock
from flicbridge.press.event import ButtonEvent, Counter, EventKind
from flicbridge.press.source import ButtonSource, Heard, LinkUp
from flicbridge.supervise import alongside

# A button that was just paired calls by itself; one that does not is asked for its press all the same.
LINK_TIMEOUT_S: Final = 8.0
# Longer than the pause within any usual gesture.
QUIET_S: Final = 1.5
# A finger that is not lifted by then is not waited for.
PATIENCE_S: Final = 10.0

_COUNTS_PER_PRESS: Final = 4  # down 4k+1, hold 4k+2, up 4k+3, silence 4k+4
_COUNTS: Final = 2**32

type Settle = Callable[[str, Counter], Awaitable[None]]
"""Writes down that everything of a button, by its serial number, is settled up to there."""


async def prove(
    source: ButtonSource,
    *,
    clock: Clock,
    invite: Callable[[], Awaitable[None]],
    settle: Settle,
    timeout_s: float,
    since_s: float = -math.inf,
    kept: Callable[[float], object] = lambda _age_s: None,
) -> float | None:
    """Listen to a button until it is pressed.

    Args:
        source: the button; nobody else listens to it.
        clock: what time it is.
        invite: asks for the press, once the button is there.
        settle: see `Settle`.
        timeout_s: how long to wait for the press, from the invitation on.
        since_s: presses before this instant may be calls for help, monotonic; by default none is.
        kept: told of the first of them, with its age in seconds.

    Returns:
        How old the press was when it was heard, in seconds; None if there was none.
    """
    heard: asyncio.Queue[Heard] = asyncio.Queue()
    async with alongside(proof=partial(source.run, heard.put_nowait)):
        ear = _Ear(source, heard, clock, settle, since_s, kept)
        await ear.await_link()
        async with alongside(invitation=invite):
            return await ear.await_press(timeout_s)


class _Ear:
    """What is heard of one button, and settled."""

    def __init__(
        self,
        source: ButtonSource,
        heard: asyncio.Queue[Heard],
        clock: Clock,
        settle: Settle,
        since_s: float,
        kept: Callable[[float], object],
    ) -> None:
        self._source = source
        self._heard = heard
        self._clock = clock
        self._settle = settle
        self._link: LinkUp | None = None
        self._since_s = since_s
        self._kept = kept
        self._may_settle = True
        self._down: set[int] = set()

    async def await_link(self) -> None:
        """Wait until the button is there, or for so long that it may not come by itself."""
        until_s = self._clock.now_s() + LINK_TIMEOUT_S
        while self._link is None and (heard := await self._next(until_s)) is not None:
            await self._take(heard)

    async def await_press(self, timeout_s: float) -> float | None:
        """Wait for a press that began after now, and for what follows it closely; return its age."""
        invited_s = self._clock.now_s()
        while (heard := await self._next(invited_s + timeout_s)) is not None:
            await self._take(heard)
            if isinstance(heard, ButtonEvent) and heard.kind is EventKind.DOWN:
                age_s = self._age_s(heard)
                if heard.arrived_s - age_s >= invited_s - QUIET_S:  # the hold that paired it is older
                    await self._hear_out()
                    return age_s
        return None

    async def _hear_out(self) -> None:
        """Take what still belongs to the press."""
        end_s = self._clock.now_s() + PATIENCE_S
        while True:
            until_s = end_s if self._down else min(end_s, self._clock.now_s() + QUIET_S)
            heard = await self._next(until_s)
            if heard is None:
                return
            await self._take(heard)

    async def _next(self, until_s: float) -> Heard | None:
        try:
            async with asyncio.timeout_at(until_s):
                return await self._heard.get()
        except TimeoutError:
            return None

    async def _take(self, heard: Heard) -> None:
        match heard:
            case LinkUp():
                self._link = heard
            case ButtonEvent(kind=EventKind.DOWN):
                self._down.add(heard.key)
                await self._settle_press(heard)
            case ButtonEvent(kind=EventKind.UP):
                self._down.discard(heard.key)

    async def _settle_press(self, down: ButtonEvent) -> None:
        age_s = self._age_s(down)
        if self._may_settle and down.arrived_s - age_s < self._since_s:
            self._may_settle = False
            self._kept(age_s)
        if self._may_settle:
            whole = _end_of_press(down)
            await self._settle(down.serial, whole)
            self._source.acknowledge(whole)

    def _age_s(self, press: ButtonEvent) -> float:
        """How long ago a press began when it was heard, by the button's clock."""
        if press.was_queued or self._link is None:
            return press.age_s
        return max(0.0, press.arrived_s - self._link.arrived_s - (press.at_s - self._link.clock_s))


def _end_of_press(down: ButtonEvent) -> Counter:
    """The last count that a press may use: what else comes of it is no news any more."""
    begin = down.own_count - down.own_count % _COUNTS_PER_PRESS
    end = (begin + _COUNTS_PER_PRESS) % _COUNTS
    return replace(down.counter, **{"small_count" if down.key else "event_count": end})
