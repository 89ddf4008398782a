"""Whether a web server is there: it is called, its certificate is looked at, and nothing is said."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from flicbridge.errors import TransientDeliveryError
from flicbridge.simulator.gateways import FakeHttp, Fault
from flicbridge.transport.base import Context, Transport
from flicbridge.transport.health import Fitness, Health
from flicbridge.transport.http import HttpOptions, HttpTransport

type MakeContext = Callable[..., Context]
type MakeTls = Callable[..., ssl.SSLContext]
type MakeMessage = Callable[..., Any]
type WayTo = Callable[..., HttpTransport]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WELL = Health(Fitness.WELL)


@dataclass
class Listening:
    """A server that only listens, and what it heard."""

    url: str = ""
    calls: int = 0
    ended: int = 0
    heard: bytearray = field(default_factory=bytearray)
    errors: list[OSError] = field(default_factory=list)

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        try:
            self.heard += await reader.read()
        except OSError as error:
            self.errors.append(error)
        finally:
            writer.close()
            self.ended += 1


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listening]:
    there = Listening()
    server = await asyncio.start_server(there.listen, "127.0.0.1", 0, ssl=tls)
    async with server:
        scheme = "https" if tls else "http"
        there.url = f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}"
        yield there


@pytest.fixture
def way_to(make_context: MakeContext) -> WayTo:
    """A channel to a server, not yet entered."""

    def make(url: str, **options: Any) -> HttpTransport:
        table = {"transport": "http", "url": url, "secret": "hub-key", **options}
        return HttpTransport(HttpOptions.model_validate(table), make_context({"hub-key": SECRET}))

    return make


async def silence(way: Transport[Any]) -> str:
    """Why a server is not well."""
    with pytest.raises(TransientDeliveryError) as caught:
        await way.health()
    return str(caught.value)


async def test_a_server_in_the_house_is_called_and_hears_nothing(
    way_to: WayTo,
) -> None:
    async with listening() as there, way_to(there.url) as way:
        assert await way.health() == WELL
        await way.context.clock.sleep(1)
    assert (there.calls, there.ended, bytes(there.heard), there.errors) == (1, 1, b"", [])


async def test_an_encrypted_one_is_known_by_its_certificate_and_parted_from_by_the_book(
    way_to: WayTo, make_tls: MakeTls, ca_file: Path
) -> None:
    tls = make_tls("localhost")
    async with listening(tls) as there, way_to(there.url, ca_file=ca_file) as way:
        assert await way.health() == WELL
        await way.context.clock.sleep(1)
    assert (there.calls, there.ended, bytes(there.heard), there.errors) == (1, 1, b"", [])


async def test_a_message_finds_the_same_server_after_a_call_and_before(
    way_to: WayTo, make_tls: MakeTls, ca_file: Path, make_message: MakeMessage
) -> None:
    async with FakeHttp(tls=make_tls("127.0.0.1")) as hub, way_to(hub.url, ca_file=ca_file) as way:
        await way.deliver(make_message(key="first"))
        assert await way.health() == WELL
        await way.deliver(make_message(key="second"))
    assert [hook.key for hook in hub.received] == ["first", "second"]
    assert hub.attempts == 2


async def test_a_certificate_that_has_expired_is_no_good(
    way_to: WayTo, authority: trustme.CA, ca_file: Path
) -> None:
    expired = authority.issue_cert("localhost", not_after=datetime(2025, 1, 1, tzinfo=UTC))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    expired.configure_cert(tls)
    async with listening(tls) as there, way_to(there.url, ca_file=ca_file) as way:
        assert await silence(way) == (
            "cannot connect: the certificate is not trusted (certificate has expired)"
        )


async def test_neither_is_one_for_another_name_nor_one_of_an_authority_that_nobody_named(
    way_to: WayTo, make_tls: MakeTls, ca_file: Path
) -> None:
    async with listening(make_tls("other.example")) as there, way_to(there.url, ca_file=ca_file) as way:
        assert "the certificate is not trusted (Hostname mismatch" in await silence(way)
    async with listening(make_tls("localhost")) as there, way_to(there.url) as way:
        assert "the certificate is not trusted" in await silence(way)


async def test_a_closed_port_is_nobody(way_to: WayTo, unused_tcp_port: int) -> None:
    async with way_to(f"http://127.0.0.1:{unused_tcp_port}") as way:
        assert await silence(way) == "cannot connect: Connection refused"


async def test_a_server_that_never_ends_the_handshake_is_waited_for_as_long_as_for_a_message(
    way_to: WayTo,
) -> None:
    async with listening() as there:
        secure = there.url.replace("http:", "https:")
        async with way_to(secure, timeout="3s") as way:
            began_s = way.context.clock.now_s()
            assert await silence(way) == "no connection within 3 s"
            assert way.context.clock.now_s() - began_s == pytest.approx(3, abs=0.1)
            await way.context.clock.sleep(1)
        assert there.ended == 1


async def test_a_server_that_answers_no_request_is_there_all_the_same(way_to: WayTo) -> None:
    async with FakeHttp(secret=SECRET) as hub, way_to(hub.url) as way:
        hub.fault = Fault(kind="hang")
        began_s = way.context.clock.now_s()
        assert await way.health() == WELL
        assert way.context.clock.now_s() - began_s < 2


async def test_it_is_asked_every_few_minutes_for_all_that_speaks_http() -> None:
    assert HttpTransport.health is not Transport.health
    assert timedelta(minutes=1) < HttpTransport.health_every <= timedelta(minutes=15)
