"""Host names for one channel: looked up without making another channel wait, and remembered for worse times.

When the way out of the house is down, a name server does not refuse, it stays silent, and each lookup keeps
a thread busy for tens of seconds. In the threads that everybody shares, that would hold up the database and
the other channels; so each channel has its own. And what was found once is tried again when nobody answers
now: an old address that still works sends the alert.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import aiohappyeyeballs
from aiohttp.abc import AbstractResolver, ResolveResult

from flicbridge.transport.dialling import Dialling

type Address = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]

# Attempts on a dead network must not queue up behind each other: with backoff, fewer than this overlap.
THREADS: Final = 4
# A name server that is there answers in well under a second; after this, take what was known before.
PATIENCE_S: Final = 1.0
# How long a second address family is held back. Source: RFC 8305, section 5.
HEAD_START_S: Final = 0.25


class Names:
    """Looks up the names of one channel's servers."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="names")
        self._known: dict[tuple[str, int], list[Address]] = {}
        self._dialling = Dialling()

    async def look_up(self, host: str, port: int) -> list[Address]:
        """Return where a server can be reached, best address first.

        Raises:
            OSError: nobody knows, and nobody ever did.
        """
        known = self._known.get((host, port))
        try:
            async with asyncio.timeout(PATIENCE_S if known else None):
                addresses = await self._ask(host, port)
        except OSError:  # TimeoutError included
            if known:
                return list(known)
            raise
        self._known[host, port] = addresses
        return list(addresses)

    async def _ask(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        return [entry for entry in found if entry[0] in (socket.AF_INET, socket.AF_INET6)]

    async def connect(self, host: str, port: int) -> socket.socket:
        """Open a TCP connection to a server, whichever of its addresses answers first.

        Raises:
            OSError: no address is known, or none answers.
        """
        return await self._dialling.persist(lambda: self._connect(host, port))

    async def _connect(self, host: str, port: int) -> socket.socket:
        addresses = await self.look_up(host, port)
        if not addresses:
            raise OSError("the name has no address")
        return await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=HEAD_START_S)

    def redial(self) -> None:
        """Begin anew every `connect` that is under way: the network is another one."""
        self._dialling.redial()

    def close(self) -> None:
        """Let the threads go as soon as they come back."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> list[Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]
    except UnicodeError as error:
        raise OSError("no name that could be looked up") from error


class NamesForAiohttp(AbstractResolver):
    """The same names, in the shape that aiohttp asks for."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._names.look_up(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=kin,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kin, _, protocol, _, address in found
            if family in (socket.AF_UNSPEC, kin)
        ]

    async def close(self) -> None:
        self._names.close()
