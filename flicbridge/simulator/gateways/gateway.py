"""What all fake gateways share: a loopback port, the connections on it, a fault, and what has arrived."""

import asyncio
import socket
import ssl
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from flicbridge.simulator.gateways.fault import Fault

HOST: Final = "127.0.0.1"
# struct linger {on, 0 seconds}: what is left to send is thrown away, and the peer gets an RST.
LINGER_NOT: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Gateway[ArrivalT](ABC):
    """A server that stands in for a provider while entered.

    Attributes:
        host, port: where it listens; the port is free at first and then stays the same.
        received: what arrived and was acted on, once per idempotency key, oldest first.
        duplicates: how many times something arrived again that had been acted on already.
        connections: how many connections were opened.
        attempts: how many requests (connections, for SMTP) reached us, those that met a fault included.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.host = HOST
        self.port = 0
        self.received: list[ArrivalT] = []
        self.duplicates = 0
        self.connections = 0
        self.attempts = 0
        self._tls = tls
        self._fault: Fault | None = None
        self._spoils_left: int | None = None
        self._group = asyncio.TaskGroup()
        self._socket: socket.socket | None = None
        self._kept: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.WriteTransport] = set()
        self._news = asyncio.Event()

    @property
    def fault(self) -> Fault | None:
        """What is wrong at the moment. Set it to order a fault, or to None to be well again."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault = fault
        self._spoils_left = fault.times if fault else None
        if self.port == 0:
            return  # not open yet
        if fault is not None and fault.kind == "refuse":
            self._refuse()
        elif self._socket is None:
            self._open()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._open()
        if self._fault is not None and self._fault.kind == "refuse":
            self._refuse()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server = self._server
        self._shut()
        self.port = 0
        if server is not None:
            await server.wait_closed()
        await self._group.__aexit__(None, None, None)  # an error of the caller's is not the group's

    async def wait_for(self, count: int, *, within_s: float) -> None:
        """Wait until that many have arrived in all.

        Raises:
            TimeoutError: they have not.
        """
        await self.wait_until(lambda: len(self.received) >= count, within_s=within_s)

    async def wait_until(self, happened: Callable[[], bool], *, within_s: float) -> None:
        """Wait until something is true of what arrived; looked at after each arrival, repeated ones included.

        Raises:
            TimeoutError: it did not become so.
        """
        async with asyncio.timeout(within_s):
            while not happened():
                self._news.clear()
                await self._news.wait()

    @abstractmethod
    def _protocol(self) -> asyncio.Protocol:
        """The server's side of one new connection."""

    def _arrived(self, arrival: ArrivalT) -> None:
        self.received.append(arrival)
        self._news.set()

    def _came_again(self) -> None:
        self.duplicates += 1
        self._news.set()

    def _next_fault(self) -> Fault | None:
        """The fault that this request meets, if any."""
        self.attempts += 1
        fault = self._fault
        if fault is not None and self._spoils_left is not None:
            self._spoils_left -= 1
            if self._spoils_left == 0:
                self._fault, self._spoils_left = None, None
        return fault

    def opened(self, line: asyncio.WriteTransport) -> None:
        """Note a connection, so that it can be cut."""
        self.connections += 1
        self._lines.add(line)

    def closed(self, line: asyncio.WriteTransport) -> None:
        """Note that a connection has ended."""
        self._lines.discard(line)

    def _open(self) -> None:
        """Listen. From here on the kernel takes connections, so whoever connects next is not refused."""
        listening, self._kept = self._kept or self._bind(), None
        listening.listen()
        self._socket = listening
        self._group.create_task(self._serve(listening), name=f"{type(self).__name__}:{self.port}")

    def _bind(self) -> socket.socket:
        """Take the port, without listening."""
        # Named in full, or asyncio does not see that it is TCP and leaves the kernel to gather small writes.
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # there it would let others take the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self.host, self.port))
        bound.setblocking(False)
        self.port = bound.getsockname()[1]
        return bound

    async def _serve(self, listening: socket.socket) -> None:
        if self._socket is not listening:
            return  # shut again before we came to it
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol, sock=listening, ssl=self._tls, start_serving=False
        )
        await self._server.start_serving()

    def _refuse(self) -> None:
        """Refuse connections on the port, and cut those that are there."""
        if self._kept is None:
            self._shut()
            self._kept = self._bind()  # or a gateway of somebody else's gets it, and what was meant for us

    def _shut(self) -> None:
        """Give up the port, and cut every connection."""
        if self._server is not None:
            self._server.close()
        for bound in (self._socket, self._kept):
            if bound is not None:
                bound.close()
        self._server, self._socket, self._kept = None, None, None
        for line in tuple(self._lines):
            line.abort()


def reset(line: asyncio.BaseTransport) -> None:
    """Cut a connection with an RST instead of a clean close, as a crashed or overloaded machine does."""
    end = line.get_extra_info("socket")
    if end is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    if isinstance(line, asyncio.WriteTransport):
        line.abort()
