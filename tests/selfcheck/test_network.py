"""Channels' servers, tried out on real sockets with real certificates; nothing that counts is sent."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from flicbridge.clock import SystemClock
from flicbridge.selfcheck import network
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.network import servers

pytestmark = pytest.mark.real_time

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Autorité d'essai")


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return file


def tls(authority: trustme.CA, *names: str, until_at: datetime | None = None) -> ssl.SSLContext:
    """The context of a server with such a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    since_at = datetime(2020, 1, 1, tzinfo=UTC)
    authority.issue_cert(*names, not_before=since_at, not_after=until_at).configure_cert(context)
    return context


class Heard:
    """What a server was told."""

    def __init__(self) -> None:
        self.data = b""


@asynccontextmanager
async def listening(
    context: ssl.SSLContext | None = None, talk: Talk | None = None
) -> AsyncIterator[tuple[int, Heard]]:
    """A server on a port of its own, and what it hears."""
    heard = Heard()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if talk is not None:
                await talk(reader, writer)
            while not reader.at_eof() and not heard.data.endswith(b"QUIT\r\n"):
                heard.data += await reader.read(1000)
        except OSError:
            pass  # hung up on, which is what we are here for
        finally:
            writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


def hook(host: str, port: int, ca_file: Path | None = None, scheme: str = "https") -> str:
    ca = f', ca_file = "{ca_file}"' if ca_file else ""
    return f'{{ transport = "http", url = "{scheme}://{host}:{port}/hook", secret = "hub-key"{ca} }}'


def mail(port: int, ca_file: Path, security: str) -> str:
    return (
        f'{{ transport = "email", host = "localhost", port = {port}, security = "{security}",'
        f' from = "a@example.fr", to = "b@example.fr", ca_file = "{ca_file}" }}'
    )


type MakeCase = Callable[..., Case]


async def test_a_good_server_is_named_measured_and_dated(
    make_case: MakeCase, ask: Callable[..., Any], authority: trustme.CA, ca_file: Path
) -> None:
    until_at = SystemClock().now_at() + timedelta(days=80)
    async with listening(tls(authority, "localhost", until_at=until_at)) as (port, heard):
        found = await ask(network.probe, make_case(hook("localhost", port, ca_file)))
    assert found.verdicts() == {"dns": "ok", "server": "ok", "tls": "ok"}
    facts = found["tls"].facts
    assert facts["issuer"] == "Autorité d'essai"
    assert facts["version"] == "TLSv1.3"
    assert facts["until"] == f"{until_at:%Y-%m-%d}"
    assert facts["days"] in (79, 80)
    assert (facts["channel"], facts["host"], facts["port"]) == ("samu/0", "localhost", port)
    assert 0 < found["server"].facts["ms"] < 5000
    assert heard.data == b""


class Later(SystemClock):
    """A clock on some other day."""

    def __init__(self, days: float) -> None:
        super().__init__()
        self._later = timedelta(days=days)

    def now_at(self) -> datetime:
        return super().now_at() + self._later


@pytest.mark.parametrize(("days_left", "check"), [(21.5, "tls"), (20.5, "tls_expires")])
async def test_a_certificate_that_ends_within_three_weeks_is_a_warning(
    make_case: MakeCase,
    ask: Callable[..., Any],
    authority: trustme.CA,
    ca_file: Path,
    days_left: float,
    check: str,
) -> None:
    until_at = SystemClock().now_at() + timedelta(days=400)
    async with listening(tls(authority, "localhost", until_at=until_at)) as (port, _):
        case = make_case(hook("localhost", port, ca_file), clock=Later(400 - days_left))
        found = await ask(network.probe, case)
    assert check in found
    assert found[check].facts["days"] == int(days_left)


@pytest.mark.parametrize(
    ("name", "until_days", "why"),
    [
        ("localhost", -2, "certificate has expired"),
        ("example.org", 90, "Hostname mismatch"),
    ],
)
async def test_a_certificate_that_ended_or_names_another_is_a_fault(
    make_case: MakeCase,
    ask: Callable[..., Any],
    authority: trustme.CA,
    ca_file: Path,
    name: str,
    until_days: int,
    why: str,
) -> None:
    until_at = SystemClock().now_at() + timedelta(days=until_days)
    async with listening(tls(authority, name, until_at=until_at)) as (port, _):
        found = await ask(network.probe, make_case(hook("localhost", port, ca_file)))
    assert found.faults() == {"tls_not_trusted"}
    assert why in found["tls_not_trusted"].facts["why"]


async def test_a_certificate_of_an_authority_that_nobody_knows_is_a_fault(
    make_case: MakeCase, ask: Callable[..., Any], authority: trustme.CA
) -> None:
    async with listening(tls(authority, "localhost")) as (port, _):
        found = await ask(network.probe, make_case(hook("localhost", port)))
    assert found.faults() == {"tls_not_trusted"}


async def test_a_file_of_authorities_that_is_gone_is_a_fault(
    make_case: MakeCase, ask: Callable[..., Any], authority: trustme.CA, ca_file: Path
) -> None:
    async with listening(tls(authority, "localhost")) as (port, _):
        case = make_case(hook("localhost", port, ca_file))
        ca_file.unlink()
        found = await ask(network.probe, case)
    assert found["tls_not_trusted"].facts["why"] == "ca_file cannot be read (No such file or directory)"


async def test_a_server_without_tls_is_told_from_one_that_is_not_there(
    make_case: MakeCase, ask: Callable[..., Any], ca_file: Path
) -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(talk=speak_plainly) as (port, _):
        found = await ask(network.probe, make_case(hook("localhost", port, ca_file)))
        assert found.faults() == {"tls_failed"}
    found = await ask(network.probe, make_case(hook("localhost", port, ca_file)))
    assert found.faults() == {"server_unreachable"}
    assert found["server_unreachable"].facts["why"] == "Connection refused"


async def test_a_server_that_says_nothing_is_given_up(
    make_case: MakeCase, ask: Callable[..., Any], ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "TLS_TIMEOUT_S", 0.1)
    async with listening() as (port, _):
        found = await ask(network.probe, make_case(hook("localhost", port, ca_file)))
    assert found["tls_failed"].facts["why"] == "no answer"


# ---- mail


def mail_server(
    context: ssl.SSLContext | None, greeting: bytes = b"220 mx ESMTP\r\n", offer: bytes = b"220 go\r\n"
) -> Talk:
    """A mail server up to the point where nothing has been sent yet."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        assert await reader.readline() == b"EHLO [127.0.0.1]\r\n"
        writer.write(b"250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(offer)
        if context is not None:
            await writer.start_tls(context)

    return talk


async def test_a_mail_server_is_asked_to_encrypt_and_told_goodbye(
    make_case: MakeCase, ask: Callable[..., Any], authority: trustme.CA, ca_file: Path
) -> None:
    talk = mail_server(tls(authority, "localhost"))
    async with listening(talk=talk) as (port, heard):
        found = await ask(network.probe, make_case(mail(port, ca_file, "starttls")))
        assert found.faults() == set()
        assert "tls" in found
        await settled(lambda: bool(heard.data))
    assert heard.data == b"QUIT\r\n"


async def settled(truth: Callable[[], bool]) -> None:
    """Let the server hear the end of it."""
    async with asyncio.timeout(5):
        while not truth():
            await SystemClock().sleep(0.01)


@pytest.mark.parametrize(
    ("greeting", "offer", "why"),
    [
        (b"554 go away\r\n", b"", "554"),
        (b"220 mx\r\n", b"454 no TLS today\r\n", "454"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"", "SSH"),
        (b"2" * 70_000 + b"\r\n", b"", "no mail server"),
        (b"220-hello\r\n" * 200, b"", "no mail server"),
    ],
)
async def test_a_server_that_will_not_encrypt_is_a_fault(
    make_case: MakeCase, ask: Callable[..., Any], ca_file: Path, greeting: bytes, offer: bytes, why: str
) -> None:
    async with listening(talk=mail_server(None, greeting, offer)) as (port, _):
        found = await ask(network.probe, make_case(mail(port, ca_file, "starttls")))
    assert found.faults() == {"tls_refused"}
    assert found["tls_refused"].facts["why"] == why


async def test_mail_that_is_encrypted_from_the_start_is_not_asked(
    make_case: MakeCase, ask: Callable[..., Any], authority: trustme.CA, ca_file: Path
) -> None:
    async with listening(tls(authority, "localhost")) as (port, heard):
        found = await ask(network.probe, make_case(mail(port, ca_file, "tls")))
        assert "tls" in found
        await settled(lambda: bool(heard.data))
    assert heard.data == b"QUIT\r\n"


# ---- names


async def test_a_phone_in_the_house_needs_neither_name_nor_encryption(
    make_case: MakeCase, ask: Callable[..., Any]
) -> None:
    async with listening() as (port, heard):
        phone = (
            f'{{ transport = "smsgate", to = "+33612345678", url = "http://127.0.0.1:{port}", secret = "p" }}'
        )
        found = await ask(network.probe, make_case(phone))
    assert found.verdicts() == {
        "dns_not_needed": "not_applicable",
        "server": "ok",
        "tls_local": "not_applicable",
    }
    assert heard.data == b""


async def test_a_plain_line_to_a_named_server_is_a_warning(
    make_case: MakeCase, ask: Callable[..., Any]
) -> None:
    async with listening() as (port, _):
        found = await ask(network.probe, make_case(hook("localhost", port, scheme="http")))
    assert found["tls_none"].verdict == "warning"


async def test_a_name_that_does_not_exist_is_a_fault(make_case: MakeCase, ask: Callable[..., Any]) -> None:
    found = await ask(network.probe, make_case(hook("nobody.invalid", 443)))
    assert found.faults() == {"dns_failed"}


async def test_a_name_server_that_is_silent_is_given_up_and_not_waited_for(
    make_case: MakeCase, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(network, "NAME_TIMEOUT_S", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: never.wait())
    found = await ask(network.probe, make_case(hook("slow.example.fr", 443)))
    assert found.faults() == {"dns_silent"}
    never.set()


async def test_a_name_server_that_is_slow_is_a_warning(
    make_case: MakeCase, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "SLOW_NAME_S", 0.0)
    async with listening() as (port, _):
        found = await ask(network.probe, make_case(hook("localhost", port, scheme="http")))
    assert found["dns_slow"].verdict == "warning"


async def test_a_server_with_a_dead_address_is_reached_by_its_other_one(
    make_case: MakeCase, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [(None, None, 6, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: entries)
    async with listening() as (port, _):  # on 127.0.0.1 alone
        found = await ask(network.probe, make_case(hook("two.example.fr", port, scheme="http")))
    assert "server" in found


async def test_a_server_that_several_channels_need_is_tried_once(make_case: MakeCase) -> None:
    case = make_case(hook("a.example.fr", 443), hook("b.example.fr", 443), hook("a.example.fr", 443))
    assert case.settings is not None
    assert [(server.reach.host, server.channels) for server in servers(case.settings)] == [
        ("a.example.fr", "samu/0, samu/2"),
        ("b.example.fr", "samu/1"),
    ]


async def test_without_settings_no_server_is_known(case: Case, ask: Callable[..., Any]) -> None:
    found = await ask(network.probe, replace(case, settings=None))
    assert found.verdicts() == {"network_unknown": "not_applicable"}
