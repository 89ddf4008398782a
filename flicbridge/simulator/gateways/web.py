"""A small HTTP/1.1 server that can misbehave in every way a real one does. Not for production."""

import asyncio
import ssl
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

from flicbridge.clock import Clock, LoopClock
from flicbridge.simulator.gateways.fault import Fault
from flicbridge.simulator.gateways.gateway import Gateway, reset

LARGEST_BODY_BYTES: Final = 1_000_000
# How long a connection without a request is kept, as most servers do within a minute or so.
IDLE_S: Final = 60.0
PORTAL: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Bienvenue</title></head><body>Se connecter</body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method, path: of the request line.
        headers: by lower-case name.
        body: the whole of it.
        at_s: when its first byte came in, by the loop's clock.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class WebGateway[ArrivalT](Gateway[ArrivalT]):
    """A fake gateway that speaks HTTP.

    Args:
        tls: with a certificate, to speak https.
        clock: what time it says it is; the loop's if absent.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, clock: Clock | None = None) -> None:
        super().__init__(tls=tls)
        self._clock = clock or LoopClock(asyncio.get_running_loop())

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Act on a request that met no fault, and say what the real gateway would."""

    def _protocol(self) -> asyncio.Protocol:
        return _Line(self)

    async def serve(self, line: "_Line", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side has had enough."""
        self.opened(writer.transport)
        try:
            while (request := await self._next_request(line, reader)) is not None:
                if not await self._meet(request, self._next_fault(), reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client has gone, says nothing more, or does not speak HTTP
        finally:
            self.closed(writer.transport)
            writer.close()

    async def _next_request(self, line: "_Line", reader: asyncio.StreamReader) -> Request | None:
        async with asyncio.timeout(IDLE_S):
            return await _read(line, reader)

    async def _meet(
        self,
        request: Request,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer one request; return whether the connection is still good."""
        match fault:
            case None:
                reply = self.answer(request)
            case Fault(kind="hang" | "refuse"):
                await reader.read()  # until the client gives up
                return False
            case Fault(kind="reset"):
                reset(writer.transport)
                return False
            case Fault(kind="drop_reply"):
                self.answer(request)
                reset(writer.transport)
                return False
            case Fault(kind="reset_in_reply"):
                whole = self._bytes(self.answer(request))
                writer.write(whole[: len(whole) // 2])
                await writer.drain()
                reset(writer.transport)
                return False
            case Fault(kind="status"):
                reply = _refusal(fault)
            case Fault(kind="captive"):
                reply = Reply(200, PORTAL, {"Content-Type": "text/html; charset=utf-8"})
            case Fault(kind="slow"):
                reply = self.answer(request)
                if await _leaves_within(fault.wait.total_seconds(), reader):
                    return False
        writer.write(self._bytes(reply))
        await writer.drain()
        return request.headers.get("connection", "").lower() != "close"

    def _bytes(self, reply: Reply) -> bytes:
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = {"Date": format_datetime(self._clock.now_at(), usegmt=True), **reply.headers}
        if reply.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(len(reply.body))
        lines = [
            f"HTTP/1.1 {reply.status} {phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + reply.body


class _Line(asyncio.StreamReaderProtocol):
    """One connection; notes when the first byte of the next request comes in.

    Attributes:
        first_byte_s: that time, or None before.
    """

    def __init__[T](self, gateway: WebGateway[T]) -> None:
        super().__init__(asyncio.StreamReader(), lambda reader, writer: gateway.serve(self, reader, writer))
        self.first_byte_s: float | None = None

    def data_received(self, data: bytes) -> None:
        if self.first_byte_s is None:
            self.first_byte_s = asyncio.get_running_loop().time()
        super().data_received(data)


async def _read(line: _Line, reader: asyncio.StreamReader) -> Request | None:
    """The next request, or None when the client has closed the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    first, *rest = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)
    }
    length = min(int(headers.get("content-length", "0")), LARGEST_BODY_BYTES)
    body = await reader.readexactly(length)
    at_s, line.first_byte_s = line.first_byte_s or 0.0, None
    return Request(method, path, headers, body, at_s)


async def _leaves_within(seconds: float, reader: asyncio.StreamReader) -> bool:
    """Wait, and tell whether the client gave up meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await reader.read()
    except TimeoutError:
        return False
    return True


def _refusal(fault: Fault) -> Reply:
    if fault.retry_after is None:
        return Reply(fault.status)
    return Reply(fault.status, headers={"Retry-After": f"{fault.retry_after.total_seconds():.0f}"})
