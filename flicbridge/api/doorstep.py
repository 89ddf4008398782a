"""What leads to a running bridge lies in its `state_dir`: the socket, the lock, the notes to its clients.

Somebody who clears that folder away leaves a bridge that hears its buttons and that nobody can ask or press;
and another one could be started beside it. So now and then a look is taken, and what is gone is made anew.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Final

import structlog

from flicbridge.api.claim import Claim
from flicbridge.api.endpoint import Endpoint, Mark, bind_unix, keep_token, mark_of
from flicbridge.clock import Clock
from flicbridge.errors import InputError

log = structlog.get_logger()

LOOK_EVERY_S: Final = 30.0

type Serve = Callable[[AsyncExitStack, socket], Awaitable[None]]
"""Answers on a socket until the stack is closed."""


def unwritable(error: OSError) -> str:
    """What is wrong, in words."""
    return f"cannot write to the state_dir: {error.strerror}"


class Door:
    """A Unix socket that answers, and that can be opened again where somebody removed it.

    Args:
        place: its path.
        serve: answers on it.
    """

    def __init__(self, place: Path, serve: Serve) -> None:
        self.place = place
        self._serve = serve
        self._mark: Mark | None = None
        self._open = AsyncExitStack()

    async def keep_open(self) -> bool:
        """Open it, unless it is; returns whether that was needed.

        Raises:
            InputError: somebody else answers there.
            OSError: it cannot be had.
        """
        if self._is_ours():
            return False
        bound = bind_unix(self.place)
        self._mark = mark_of(self.place)
        async with AsyncExitStack() as opening:
            await self._serve(opening, bound)
            before, self._open = self._open, opening.pop_all()
        await before.aclose()
        return True

    async def close(self) -> None:
        """Answer no more, and leave nothing behind; what somebody else put there stays."""
        if self._is_ours():
            with suppress(OSError):  # clients notice by themselves that nobody answers
                self.place.unlink()
        await self._open.aclose()

    def _is_ours(self) -> bool:
        return self._mark is not None and mark_of(self.place) == self._mark


@dataclass(frozen=True, slots=True)
class Doorstep:
    """All that a running bridge has put into its `state_dir`, so that it is found and is the only one.

    Attributes:
        claim: keeps others away.
        door: the Unix socket; None if there is none.
        endpoint: what its clients are told.
        token: what opens the door over TCP; None if that is closed.
    """

    state_dir: Path
    claim: Claim
    door: Door | None
    endpoint: Endpoint
    token: str | None

    async def watch(self, clock: Clock, say: Callable[[str | None], None], said: str | None) -> None:
        """Look now and then, for ever.

        Args:
            clock: what time it is.
            say: told what is wrong, or None, whenever that changes.
            said: what was wrong at the start.
        """
        while True:
            await clock.sleep(LOOK_EVERY_S)
            fault = await self._fault()
            if fault != said:
                say(fault)
            said = fault

    async def _fault(self) -> str | None:
        """Put right what is not; what could not be put right, in words."""
        try:
            await self.put_right()
        except OSError as error:
            return unwritable(error)
        except InputError as error:
            return str(error)
        return None

    async def put_right(self) -> None:
        """Make anew what is gone.

        Raises:
            InputError: another bridge has come between.
            OSError: the folder cannot be written.
        """
        self.claim.renew()
        is_new = self.door is not None and await self.door.keep_open()
        if self.token is not None:
            keep_token(self.state_dir, self.token)
        if is_new or Endpoint.read(self.state_dir) != self.endpoint:
            self.endpoint.write(self.state_dir)
            log.warning("api_files_made_anew")
