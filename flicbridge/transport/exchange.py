"""One HTTP request and what came back, for the transports that speak HTTP.

Bounded in every way: in time as a whole (a peer that drips one byte a second gains nothing), in how much of
an answer is read, and no redirect is followed. Everything that can go wrong on the way comes out as a
TransientDeliveryError that says whether the message may have arrived; what a whole answer means is for
`verdict`.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from pydantic import AfterValidator, WithJsonSchema
from yarl import URL

from flicbridge import __version__
from flicbridge.errors import TransientDeliveryError
from flicbridge.transport.dialling import Dialling
from flicbridge.transport.line import explained, trusting
from flicbridge.transport.names import Names, NamesForAiohttp
from flicbridge.transport.verdict import Answer

LARGEST_ANSWER_BYTES: Final = 16_384
# Longer than most servers keep an idle connection, and a message on a dying connection costs a retry.
KEEP_ALIVE_S: Final = 15.0
# Politeness at the end of a call on which nothing was said.
GOODBYE_S: Final = 1.0
# Nothing is decompressed: an answer of ours is short, and a bomb is not.
HEADERS: Final = {"User-Agent": f"flicbridge/{__version__}", "Accept-Encoding": "identity"}

# A name in any script, or an address; no blank or comma in it, which the URL library lets pass.
HOST: Final = re.compile(r"[\w.-]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(%[\w.-]+)?")


def checked_url(text: str) -> str:
    """Return the address of an HTTP server.

    Raises:
        ValueError: it is none that could be used; does not repeat what may be a password in it.
    """
    example = 'write it like "https://alertes.example.fr/hook"'
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise ValueError(f"is no URL; {example}") from None
    if url.scheme not in ("http", "https") or not host or not port or not HOST.fullmatch(host):
        raise ValueError(f"is no http or https URL; {example}")
    if url.user is not None or url.password is not None:
        raise ValueError("has a name or password in the URL; keep the password as a secret, and name that")
    if url.fragment or text != text.strip():
        raise ValueError(f"has a #fragment or blanks; {example}")
    return text


WebAddress = Annotated[str, AfterValidator(checked_url), WithJsonSchema({"type": "string", "format": "uri"})]
"""A setting with the http or https address of a server."""


class _Body(aiohttp.BytesPayload):
    """A request body that knows whether any of it may have gone out."""

    left = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self.left = True
        await super().write_with_length(writer, content_length)


class Exchange:
    """A client for one server. Entered once; keeps its connections warm between messages.

    Args:
        url: the server, from a `WebAddress`.
        timeout_s: longest time for one request, from name lookup to the last byte of the answer.
        ca_file: trust the certificates in here, and no others; None for the system's.

    Raises:
        ConfigError: the file of certificates cannot be used.
    """

    def __init__(self, url: str, *, timeout_s: float, ca_file: Path | None = None) -> None:
        self._url = URL(url)
        self._timeout_s = timeout_s
        # True: the system's authorities, by a context that aiohttp has anyway.
        self._tls = (
            trusting(ca_file, self._url.host or url) if ca_file and self._url.scheme == "https" else True
        )
        self._names = Names()
        self._dialling = Dialling()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=NamesForAiohttp(self._names),
                use_dns_cache=False,  # Names has a better one
                keepalive_timeout=KEEP_ALIVE_S,
                ssl=self._tls,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=None
            ),  # ours is exact, aiohttp's rounds up
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._names.close()

    async def post(
        self, body: bytes, headers: Mapping[str, str], *path: str, timeout_s: float | None = None
    ) -> Answer:
        """Send a body and return the answer, whatever its status.

        Args:
            body: sent as it is.
            headers: what is special about this request.
            path: segments to add to the server's URL.
            timeout_s: for this request, instead of the usual one.

        Raises:
            TransientDeliveryError: no whole answer came in time.
        """
        return await self._request("POST", path, headers, _Body(body), timeout_s or self._timeout_s)

    async def get(
        self, headers: Mapping[str, str], *path: str, query: Mapping[str, str] | None = None
    ) -> Answer:
        """Fetch something; raises as `post` does."""
        return await self._request("GET", path, headers, None, self._timeout_s, query)

    async def knock(self) -> None:
        """Connect, see that the server is who it should be, and hang up without a word.

        Raises:
            TransientDeliveryError: a message would not get through now.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                writer = await self._connect()
        except TimeoutError as error:
            raise TransientDeliveryError(f"no connection within {self._timeout_s:g} s") from error
        except (OSError, ValueError) as error:
            raise TransientDeliveryError(f"cannot connect: {explained(error)}") from error
        await _hang_up(writer)

    async def _connect(self) -> asyncio.StreamWriter:
        """As a request would, believing the same certificates; but on a line of its own, never a warm one."""
        host, tls = self._url.raw_host or "", self._tls
        if self._url.scheme != "https":
            tls = False
        elif tls is True:
            tls = trusting(None, host)
        line = await self._names.connect(host, self._url.port or 0)
        name = host.rstrip(".") if tls else None
        _, writer = await asyncio.open_connection(sock=line, ssl=tls or None, server_hostname=name)
        return writer

    def redial(self) -> None:
        """Begin anew every request of which nothing has left: the network is another one."""
        self._dialling.redial()

    async def _request(
        self,
        method: str,
        path: tuple[str, ...],
        headers: Mapping[str, str],
        body: _Body | None,
        timeout_s: float,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        session = self._session
        if session is None:
            raise RuntimeError("used outside of its `async with`")
        url = self._url.joinpath(*path) if path else self._url
        url = url.with_query(query) if query else url

        async def ask() -> Answer:
            async with session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await _beginning(response.content))

        try:
            async with asyncio.timeout(timeout_s):
                return await self._dialling.persist(ask, lambda: _left(body))
        except TimeoutError as error:
            reason = f"no answer within {timeout_s:g} s"
            raise TransientDeliveryError(reason, may_have_arrived=_left(body)) from error
        except aiohttp.ClientConnectorError as error:  # before anything could be sent
            raise TransientDeliveryError(f"cannot connect: {explained(error)}") from error
        except (aiohttp.ClientError, OSError) as error:
            reason = f"the connection broke: {explained(error)}"
            raise TransientDeliveryError(reason, may_have_arrived=_left(body)) from error


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Part by the book, as far as the other side comes along; what it makes of that changes nothing."""
    try:
        writer.close()
        with suppress(OSError):  # TimeoutError included
            async with asyncio.timeout(GOODBYE_S):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


async def _beginning(stream: aiohttp.StreamReader) -> bytes:
    """As much of an answer as anybody here will look at."""
    body = bytearray()
    while len(body) < LARGEST_ANSWER_BYTES and (part := await stream.readany()):
        body += part
    return bytes(body[:LARGEST_ANSWER_BYTES])


def _left(body: _Body | None) -> bool:
    return body is not None and body.left
