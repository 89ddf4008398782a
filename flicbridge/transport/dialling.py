"""Tries to reach a server, which begin anew when the network has become another one.

A connection that was begun on a dead path goes on knocking there for as long as its try may take, although a
new path leads out of the house by now. Nothing was sent yet, so nothing is in doubt: it is broken off and
begun again, within the same time and under the same key. What may have been sent is left alone: only its own
end tells what became of it.
"""

import asyncio
from collections.abc import Awaitable, Callable


def _nothing_leaves() -> bool:
    return False


class Dialling:
    """The tries of one channel that are under way."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, Callable[[], bool]] = {}

    async def persist[T](
        self, dial: Callable[[], Awaitable[T]], has_left: Callable[[], bool] = _nothing_leaves
    ) -> T:
        """Dial; and begin anew whenever `redial` says so, unless something has left the house.

        Args:
            dial: begins a try.
            has_left: tells whether any of a message may be on its way.

        Raises:
            TimeoutError: it was broken off just when something left, or by `dial` itself.
        """
        while True:
            line = asyncio.timeout(None)
            try:
                async with line:
                    self._under_way[line] = has_left
                    return await dial()
            except TimeoutError:
                if not line.expired() or has_left():
                    raise
            finally:
                self._under_way.pop(line, None)

    def redial(self) -> None:
        """The network is another one: break off what still tries to connect, and begin it anew."""
        now_s = asyncio.get_running_loop().time()
        for line, has_left in self._under_way.items():
            if not (line.expired() or has_left()):
                line.reschedule(now_s)
