"""Handing one mail to a mail server, and what it means when that fails.

Sources: RFC 5321 (SMTP), RFC 6409 (submission), RFC 8314 (TLS).
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import aiosmtplib

from flicbridge.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport.line import explained
from flicbridge.transport.names import Names

type Security = Literal["starttls", "tls", "none"]

# Our own name is nobody's business and often no proper one; an address literal is always allowed.
# Source: RFC 5321, section 4.1.4.
GREETING: Final = "[127.0.0.1]"
# The mail is theirs by then; a server that is slow to say goodbye must not hold up the receipt.
GOODBYE_S: Final = 1.0
# After these the line is still good.
REFUSALS: Final = (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused)


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and how we get in.

    Attributes:
        host, port: where it is.
        security: how the line is encrypted.
        tls: whom to trust; None only without encryption.
        username, password: the login, or None for none.
    """

    host: str
    port: int
    security: Security
    tls: ssl.SSLContext | None
    username: str | None
    password: str | None


async def submit(
    content: bytes, *, sender: str, recipients: Sequence[str], server: Server, names: Names, timeout_s: float
) -> dict[int, str]:
    """Hand over one mail, once.

    Args:
        content: the whole mail, seven-bit.
        sender, recipients: the envelope.
        server: who takes it.
        names: finds the server.
        timeout_s: longest time for all of it.

    Returns:
        The recipients that were refused though others were not: position from 1, and the server's code.

    Raises:
        TransientDeliveryError, PermanentDeliveryError: nobody gets it this time.
    """
    refused = await _hold(
        lambda talk: talk.hand_over(content, sender, recipients), server, names, timeout_s=timeout_s
    )
    return {position: _code(error) for position, error in refused.items()}


async def knock(server: Server, names: Names, *, timeout_s: float) -> None:
    """Come as far as the login and go again: nothing is sent to anybody.

    Raises:
        TransientDeliveryError: a mail would not get through now.
    """
    await _hold(lambda talk: talk.log_in(), server, names, timeout_s=timeout_s)


async def _hold[T](
    work: "Callable[[_Talk], Awaitable[T]]", server: Server, names: Names, *, timeout_s: float
) -> T:
    """Talk to a server, once, and part politely whatever comes of it."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    talk = _Talk(server, names)
    try:
        async with asyncio.timeout_at(deadline_s):
            result = await work(talk)
        await talk.goodbye(deadline_s)
    except REFUSALS as error:
        await talk.goodbye(deadline_s)  # who just hangs up gets locked out by some
        raise _verdict(error, talk.stage, timeout_s) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise _verdict(error, talk.stage, timeout_s) from error
    finally:
        talk.hang_up()
    return result


class _Talk:
    """One conversation with a server.

    Attributes:
        stage: how far it got, for the error message and to know whether the mail may have gone out.
    """

    def __init__(self, server: Server, names: Names) -> None:
        self._server = server
        self._names = names
        self._line: socket.socket | None = None
        self._client: aiosmtplib.SMTP | None = None
        self._transport: asyncio.BaseTransport | None = None
        self.stage = "connecting"

    async def hand_over(
        self, content: bytes, sender: str, recipients: Sequence[str]
    ) -> dict[int, aiosmtplib.SMTPRecipientRefused]:
        """Do everything up to the server's word that it has the mail; return who was refused."""
        client = await self.log_in()
        self.stage = "sender"
        await client.mail(sender, options=[])
        self.stage = "recipient"
        refused = await _name(recipients, client)
        self.stage = "content"
        await client.data(content)
        return refused

    async def log_in(self) -> aiosmtplib.SMTP:
        """Do everything up to where a mail could be handed over."""
        client = await self._connect()
        if self._server.security == "starttls":
            self.stage = "encrypting"
            await client.starttls()
            self._transport = client.transport
        if self._server.username is not None:
            self.stage = "login"
            await client.login(self._server.username.encode(), (self._server.password or "").encode())
        return client

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        self._line = await self._names.connect(server.host, server.port)
        self._client = client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=self._line,
            local_hostname=GREETING,
            timeout=None,  # one deadline for the whole talk, set by the caller
            use_tls=server.security == "tls",
            start_tls=False,  # done by hand, to know how far we got
            tls_context=server.tls,
        )
        self.stage = "greeting"
        await client.connect()
        self._transport = client.transport
        return client

    async def goodbye(self, deadline_s: float) -> None:
        """Part politely. Whatever comes of it changes nothing."""
        if self._client is None:
            return
        until_s = min(deadline_s, asyncio.get_running_loop().time() + GOODBYE_S)
        with suppress(aiosmtplib.SMTPException, OSError):
            async with asyncio.timeout_at(until_s):
                await self._client.quit()

    def hang_up(self) -> None:
        """Let go of the line at once.

        aiosmtplib closes it by the book, which under TLS means to wait up to 30 s for the other side to do
        the same.
        """
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()
        if self._client is not None:
            self._client.close()
        if self._line is not None:
            with suppress(OSError):  # closed already, as it should be
                self._line.shutdown(socket.SHUT_RDWR)


async def _name(
    recipients: Sequence[str], client: aiosmtplib.SMTP
) -> dict[int, aiosmtplib.SMTPRecipientRefused]:
    """Name the recipients; return those refused, by position from 1.

    Raises:
        SMTPRecipientsRefused: all were.
    """
    refused = {}
    for position, address in enumerate(recipients, start=1):
        try:
            await client.rcpt(address)
        except aiosmtplib.SMTPRecipientRefused as error:
            refused[position] = error
    if len(refused) == len(recipients):
        raise aiosmtplib.SMTPRecipientsRefused(list(refused.values()))
    return refused


def _verdict(error: Exception, stage: str, timeout_s: float) -> DeliveryError:
    """What to do about a mail that was not taken: only a clear no to the mail itself is final.

    A refused login is not: it may be the provider's bad day, and the alert is still worth sending after
    somebody has mended the password.
    """
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refusals):
            reason = f"recipient refused: {', '.join(map(_code, refusals))}"
            if all(refusal.code >= 500 for refusal in refusals):
                return PermanentDeliveryError(reason)
            return TransientDeliveryError(reason, rate_limited=any(map(_wants_less, refusals)))
        case aiosmtplib.SMTPResponseException(code=-1):
            reason = "what answered is no mail server: check host and port"
        case aiosmtplib.SMTPResponseException():
            reason = f"{stage} refused: {_code(error)}"
            if error.code >= 500 and stage in ("sender", "content"):
                return PermanentDeliveryError(reason)
            return TransientDeliveryError(reason, rate_limited=stage != "login" and _wants_less(error))
        case TimeoutError():
            reason = f"no answer within {timeout_s:g} s (at: {stage})"
        case aiosmtplib.SMTPServerDisconnected(__cause__=None):
            reason = f"the server hung up (at: {stage})"
        case aiosmtplib.SMTPException(__cause__=None):
            reason = f"failed at {stage}: {error.message}"
        case _:
            reason = f"failed at {stage}: {explained(error)}"
    return TransientDeliveryError(reason, may_have_arrived=stage == "content")


def _wants_less(error: aiosmtplib.SMTPResponseException) -> bool:
    """Tell whether a server works, and asks us to come later: greylisting, too many mails, or congestion.

    It cannot say when; the schedule decides. Source: RFC 3463, sections 3.4 to 3.8 (X.3.2, X.4.5, X.7.n).
    """
    return bool(re.match(r"4\.(3\.2|4\.5|7\.\d{1,3})\b", error.message))


def _code(error: aiosmtplib.SMTPResponseException) -> str:
    """The code, and the extended one if there is one; never the text, which tends to repeat addresses."""
    extended = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", error.message)
    return f"SMTP {error.code} {extended[0]}" if extended else f"SMTP {error.code}"
