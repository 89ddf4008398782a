"""A proxy that does to a TCP connection what bad networks do, in front of any receiver: ours, or a real one.

The gateways' own faults (`gateways/fault.py`) need a gateway of ours. This one knows nothing of what it
carries but how the client's message ends, and so works in front of a real mail server as well.
"""

import asyncio
import ssl
from collections.abc import Coroutine
from enum import StrEnum
from types import TracebackType
from typing import Any, Final

from flicbridge.clock import Clock
from flicbridge.simulator.gateways.gateway import Gateway, reset

LATENCY_S: Final = 2.0
STALL_S: Final = 3.0
STALLS_EVERY: Final = 2
DRIP_S: Final = 1.0
CONNECT_TIMEOUT_S: Final = 5.0

PAGE: Final = b"<!DOCTYPE html><html><body>Bienvenue, veuillez vous connecter</body></html>\n"
PORTAL: Final = b"".join(
    (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n",
        b"Content-Length: %d\r\n\r\n" % len(PAGE),
        PAGE,
    )
)
REDIRECT: Final = b"\r\n".join(
    (
        b"HTTP/1.1 302 Found",
        b"Location: http://portal.invalid/",
        b"Connection: close",
        b"Content-Length: 0\r\n\r\n",
    )
)
TOOK_IT: Final = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


class Mishap(StrEnum):
    """What happens to connections.

    | mishap           | what the client sees                                   | receiver got the message |
    |------------------|--------------------------------------------------------|--------------------------|
    | `refuse`         | the port is closed; open connections are cut           | no                       |
    | `black_hole`     | connected, and never a byte                            | no                       |
    | `reset`          | RST once the message was sent                          | no                       |
    | `reset_in_reply` | half of the answer, then RST                           | yes                      |
    | `drop_reply`     | RST instead of the answer                              | yes                      |
    | `lose_reply`     | silence instead of the answer                          | yes                      |
    | `latency`        | every answer takes two seconds longer                  | yes                      |
    | `stalls`         | every second piece hangs, as lost packets make it do   | yes                      |
    | `slow_loris`     | answers come at one byte a second                      | yes                      |
    | `portal`         | a login page answers, with 200                         | no                       |
    | `redirect`       | a login page answers, with 302                         | no                       |
    | `intercepted`    | somebody else's certificate, and behind it: "taken"    | no                       |
    """

    REFUSE = "refuse"
    BLACK_HOLE = "black_hole"
    RESET = "reset"
    RESET_IN_REPLY = "reset_in_reply"
    DROP_REPLY = "drop_reply"
    LOSE_REPLY = "lose_reply"
    LATENCY = "latency"
    STALLS = "stalls"
    SLOW_LORIS = "slow_loris"
    PORTAL = "portal"
    REDIRECT = "redirect"
    INTERCEPTED = "intercepted"


REPLY_IS_SPOILT: Final = frozenset({Mishap.RESET_IN_REPLY, Mishap.DROP_REPLY, Mishap.LOSE_REPLY})
IN_PLACE_OF_RECEIVER: Final = {Mishap.PORTAL: PORTAL, Mishap.REDIRECT: REDIRECT}
CUTS: Final = frozenset({Mishap.REFUSE, Mishap.INTERCEPTED})
"""What open connections do not outlive."""


class FaultProxy(Gateway[None]):
    """Stands in front of a receiver on this machine while entered.

    Args:
        behind: the port of the receiver.
        clock: for everything slow.
        message_ends: the last bytes of a client's message; empty if all it says at once is one.
        other_tls: a certificate that the client must not believe, for `intercepted`.

    Attributes:
        spoilt: how many connections met a mishap.
    """

    def __init__(
        self,
        behind: int,
        *,
        clock: Clock,
        message_ends: bytes = b"",
        other_tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self._behind = behind
        self._clock = clock
        self._message_ends = message_ends
        self._other_tls = other_tls
        self._mishap: Mishap | None = None
        self.spoilt = 0

    @property
    def mishap(self) -> Mishap | None:
        """What goes wrong at the moment. Set it to order a mishap, or to None to be well again."""
        return self._mishap

    @mishap.setter
    def mishap(self, mishap: Mishap | None) -> None:
        self._mishap = mishap
        if mishap in CUTS:
            for line in tuple(self._lines):
                line.abort()
        if mishap is Mishap.REFUSE:
            self._refuse()
        elif self._socket is None:
            self._open()

    def _protocol(self) -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve_line)

    async def _serve_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened(writer.transport)
        try:
            if self._mishap is Mishap.INTERCEPTED and self._other_tls is not None:
                await self._intercept(reader, writer, self._other_tls)
            else:
                await self._carry(reader, writer)
        except (OSError, EOFError):
            pass  # either side has gone, which is its right
        finally:
            self.closed(writer.transport)
            writer.close()

    async def _intercept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext
    ) -> None:
        self.spoilt += 1
        await writer.start_tls(tls)
        await reader.readuntil(b"\r\n")  # nobody who looks at certificates comes so far
        writer.write(TOOK_IT)
        await writer.drain()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            there = await asyncio.open_connection(self.host, self._behind)
        line = _Line(self, reader, writer, *there)
        try:
            async with asyncio.TaskGroup() as group:
                up, down = (group.create_task(way, name=f"proxy:{self.port}") for way in line.ways())
                up.add_done_callback(lambda _: down.cancel())
                down.add_done_callback(lambda _: up.cancel())
        except* (OSError, EOFError):
            pass
        finally:
            there[1].transport.abort()

    async def pause(self, seconds: float) -> None:
        """Be slow."""
        await self._clock.sleep(seconds)

    def has_whole_message(self, said: bytes) -> bool:
        """Tell whether a client has said all that the receiver needs to act."""
        return bool(said) and said.endswith(self._message_ends)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in tuple(self._lines):
            line.abort()
        await super().__aexit__(kind, error, trace)


class _Line:
    """One client and its connection to the receiver."""

    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there_reader: asyncio.StreamReader,
        there_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._client = reader, writer
        self._there = there_reader, there_writer
        self._tail = b""
        self._pieces = 0
        self._is_dead = False  # a firewall that forgot a connection does not remember it later
        self._asked = False

    def ways(self) -> tuple[Coroutine[Any, Any, None], Coroutine[Any, Any, None]]:
        """Both directions, to be run side by side."""
        return self._up(), self._down()

    async def _up(self) -> None:
        while data := await self._client[0].read(65_536):
            self._tail = (self._tail + data)[-16:]
            self._asked = self._proxy.has_whole_message(self._tail)
            if await self._may_go_up():
                self._there[1].write(data)
                await self._there[1].drain()

    async def _may_go_up(self) -> bool:
        mishap = self._proxy.mishap
        self._is_dead |= mishap is Mishap.BLACK_HOLE
        if self._is_dead:
            self._spoil()
            return False
        if mishap in IN_PLACE_OF_RECEIVER:
            self._spoil()
            self._client[1].write(IN_PLACE_OF_RECEIVER[mishap])
            await self._client[1].drain()
            raise EOFError
        if mishap is Mishap.RESET and self._asked:
            self._cut()
        await self._stall(mishap)
        return True

    async def _down(self) -> None:
        while data := await self._there[0].read(65_536):
            await self._reply(data, self._proxy.mishap)

    async def _reply(self, data: bytes, mishap: Mishap | None) -> None:
        writer = self._client[1]
        self._is_dead |= mishap is Mishap.BLACK_HOLE or (mishap is Mishap.LOSE_REPLY and self._asked)
        if self._is_dead:
            self._spoil()
            return
        if mishap in REPLY_IS_SPOILT and self._asked:
            if mishap is Mishap.RESET_IN_REPLY:
                writer.write(data[: len(data) // 2])
                await writer.drain()
            self._cut()
        if mishap is Mishap.LATENCY:
            self._spoil()
            await self._proxy.pause(LATENCY_S)
        await self._stall(mishap)
        if mishap is Mishap.SLOW_LORIS:
            await self._drip(data)
        else:
            writer.write(data)
            await writer.drain()

    async def _drip(self, data: bytes) -> None:
        self._spoil()
        for byte in data:
            self._client[1].write(bytes([byte]))
            await self._client[1].drain()
            await self._proxy.pause(DRIP_S)

    async def _stall(self, mishap: Mishap | None) -> None:
        if mishap is not Mishap.STALLS:
            return
        self._pieces += 1
        if self._pieces % STALLS_EVERY == 0:
            self._spoil()
            await self._proxy.pause(STALL_S)

    def _cut(self) -> None:
        self._spoil()
        reset(self._client[1].transport)
        raise EOFError

    def _spoil(self) -> None:
        self._proxy.spoilt += 1
