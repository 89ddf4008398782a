"""Stands in for a mail provider: an SMTP submission server by aiosmtpd, in our own loop.

aiosmtpd's Controller would run it in a thread of its own; here its protocol serves connections directly.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http import HTTPStatus
from typing import Any, Final, Literal
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from flicbridge.clock import Clock, LoopClock
from flicbridge.simulator.gateways.fault import Fault
from flicbridge.simulator.gateways.gateway import Gateway, reset

type Security = Literal["starttls", "tls", "none"]

NAME: Final = "mail.simulated.invalid"
NOT_SMTP: Final = b"HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that was accepted.

    Attributes:
        key: its Message-ID.
        at_s: when all of it was here, by the loop's clock.
        sender, recipients: of the envelope; recipients are those we did not refuse.
        message: the mail itself.
        encrypted: whether it came over TLS.
        login: as whom the client was logged in, or None.
    """

    key: str
    at_s: float
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    login: str | None


class FakeSmtp(Gateway[Mail]):
    """A mail server.

    Args:
        security: how the line is encrypted; must fit `tls`.
        tls: with a certificate, unless security is "none".
        login: user name and password that clients have to give, if any.
        refuses: replies to RCPT for certain addresses, such as "550 5.1.1 no such user".
        clock: for slow answers; the loop's if absent.
    """

    def __init__(
        self,
        *,
        security: Security = "none",
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        refuses: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(tls=tls if security == "tls" else None)
        self._starttls = tls if security == "starttls" else None
        self._login = login
        self._refuses = dict(refuses or {})
        self._clock = clock or LoopClock(asyncio.get_running_loop())
        self._seen: set[str] = set()
        self._talks: WeakSet[SMTP] = WeakSet()

    def _protocol(self) -> asyncio.Protocol:
        fault = self._next_fault()
        if fault is not None and fault.kind in ("hang", "refuse", "reset", "captive"):
            return _NoServer(self, fault)
        talk = SMTP(
            _Handler(self, fault),
            hostname=NAME,
            ident="simulated",
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._check,
            auth_require_tls=self._starttls
            is not None,  # aiosmtpd knows of no other TLS; see _Handler.handle_MAIL
            loop=asyncio.get_running_loop(),
        )
        self._talks.add(talk)
        return talk

    def _shut(self) -> None:
        super()._shut()
        for talk in tuple(self._talks):
            if isinstance(talk.transport, asyncio.WriteTransport):
                talk.transport.abort()

    def _check(self, _talk: SMTP, session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        """Answer a login. The session is told by hand: aiosmtpd's own way logs a warning about itself."""
        if self._login != (given.login.decode(), given.password.decode()):
            return AuthResult(success=False, handled=False)
        session.authenticated = True
        session.auth_data = given
        return AuthResult(success=False, handled=False, message="235 2.7.0 Authentication successful")

    def take(self, session: Session, envelope: Envelope) -> None:
        """Accept a mail, or count it if it was here before."""
        message = message_from_bytes(envelope.original_content or b"", _class=EmailMessage, policy=default)
        key = str(message["Message-ID"])
        if key in self._seen:
            self._came_again()
            return
        self._seen.add(key)
        given: Any = session.auth_data
        login = given.login.decode() if given is not None else None
        encrypted = self._tls is not None or session.ssl is not None
        at_s = asyncio.get_running_loop().time()
        self._arrived(
            Mail(key, at_s, envelope.mail_from or "", tuple(envelope.rcpt_tos), message, encrypted, login)
        )

    def reply_to_mail(self, session: Session) -> str:
        """What to say to MAIL FROM."""
        return "530 5.7.0 Authentication required" if self._login and not session.authenticated else "250 OK"

    def reply_to_recipient(self, address: str, fault: Fault | None) -> str:
        """What to say to RCPT TO."""
        if fault is not None and fault.kind == "status":
            return f"{_reply_code(fault.status)} simulated fault"
        return self._refuses.get(address, "250 OK")

    async def wait(self, fault: Fault) -> None:
        """Be as slow as ordered."""
        await self._clock.sleep(fault.wait.total_seconds())


class _Handler:
    """What aiosmtpd asks during one connection. The method names are its hooks."""

    def __init__(self, gateway: FakeSmtp, fault: Fault | None) -> None:
        self._gateway = gateway
        self._fault = fault

    async def handle_MAIL(  # noqa: N802
        self, _server: Any, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._gateway.reply_to_mail(session)

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = self._gateway.reply_to_recipient(address, self._fault)
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._gateway.take(session, envelope)
        match self._fault:
            case Fault(kind="slow"):
                await self._gateway.wait(self._fault)
            case Fault(kind="drop_reply" | "reset_in_reply" as kind):
                if kind == "reset_in_reply":
                    server.transport.write(b"25")
                reset(server.transport)
                await asyncio.get_running_loop().create_future()  # aiosmtpd cancels us when the line is gone
        return "250 2.0.0 taken"


class _NoServer(asyncio.Protocol):
    """What answers when it is not a mail server that answers, if anything does."""

    def __init__(self, gateway: FakeSmtp, fault: Fault) -> None:
        self._gateway = gateway
        self._fault = fault

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - we only serve TCP
        self._line = transport
        self._gateway.opened(transport)
        if self._fault.kind == "reset":
            reset(transport)
        elif self._fault.kind == "captive":
            transport.write(NOT_SMTP)
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._gateway.closed(self._line)


def _reply_code(status: int) -> int:
    """A refusal for good is a 4xx in HTTP and a 5xx in SMTP; a scenario may be played on either."""
    refused_for_good = 400 <= status < 420 and status not in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)
    return 550 if refused_for_good else status
