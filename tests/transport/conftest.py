"""Shared by the tests of the transports: messages, the house they are in, certificates, a raw server."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import trustme

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.clock import Clock, LoopClock
from flicbridge.errors import ConfigError, Problem
from flicbridge.place.position import Position
from flicbridge.transport.base import Context, Message

PRESSED_AT = datetime(2026, 11, 22, 9, 41, 7, 250_000, tzinfo=UTC)
ALERT = Alert(
    id=UUID("a9d2b1c0-0000-5000-8000-000000000001"),
    kind=AlertKind.EMERGENCY,
    bridge="tilleuls-1",
    button="poche",
    gesture="long",
    pressed_at=PRESSED_AT,
    received_at=PRESSED_AT + timedelta(milliseconds=40),
    was_queued=False,
    doctor=Doctor("Dr Zoé Martin", "+33612345678"),
    practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", room="Cabinet 2"),
    position=Position(45.83362, 1.26105, label="Cabinet 2"),
)
DELIVERY = UUID("d0000000-0000-5000-8000-000000000001")
MESSAGE = Message(
    key=str(DELIVERY),
    delivery=DELIVERY,
    alert=ALERT,
    purpose=Purpose.ALERT,
    recipient="samu",
    attempt=1,
    sent_at=PRESSED_AT + timedelta(milliseconds=50),
    expires_at=PRESSED_AT + timedelta(hours=24),
    sms="ALERTE Dr Zoe Martin 06 12 34 56 78 Cabinet 2 45.83362,1.26105",
    subject="Alerte : Dr Zoé Martin",
    text="Le Dr Zoé Martin appelle à l’aide.\n12 rue des Tilleuls, 87000 Limoges\n",
    data={"doctor": {"name": "Dr Zoé Martin"}, "late": False, "age_s": 0.05},
)

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]


@pytest.fixture
def make_message() -> MakeMessage:
    """Make a message that differs from the usual one in what is given; `kind` is that of its alert."""

    def make(*, kind: AlertKind = AlertKind.EMERGENCY, **changes: Any) -> Message:
        return replace(MESSAGE, alert=replace(ALERT, kind=kind), **changes)

    return make


@pytest.fixture
def make_context() -> MakeContext:
    """Make the house that a transport lives in, with some secrets, in an async test."""

    def make(secrets: Mapping[str, str], clock: Clock | None = None) -> Context:
        def secret(name: str) -> str:
            if name not in secrets:
                raise ConfigError("secrets", [Problem(f'secret "{name}"', "is nowhere", "Write it.")])
            return secrets[name]

        return Context(secret, clock or LoopClock(asyncio.get_running_loop()), "tilleuls-1")

    return make


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that signs certificates, and that no system trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its own certificate, as a settings file would name it."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def make_tls(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """Make the TLS side of a server that goes by some names."""

    def make(*names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    return make


@pytest.fixture
def raw_server() -> Callable[..., Any]:
    """Make a server that answers every connection with the same bytes, whatever it is asked.

    `speaks_first`: say them at once, as SMTP servers do, rather than after the first request.
    `pause_s`: how long to wait after each byte; the connection is closed after the last.
    """
    return _serve


@asynccontextmanager
async def _serve(answer: bytes, *, speaks_first: bool = False, pause_s: float = 0.0) -> AsyncIterator[int]:
    clock = LoopClock(asyncio.get_running_loop())

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not speaks_first:
                await reader.read(65_536)
            for part in [answer] if not pause_s else [answer[at : at + 1] for at in range(len(answer))]:
                writer.write(part)
                await writer.drain()
                await clock.sleep(pause_s)
            writer.write_eof()
            await reader.read()
        except OSError:
            pass  # the client has had enough
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
