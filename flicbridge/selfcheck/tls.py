"""An encrypted line to a server, opened as a channel would open it, and what its certificate says.

Sources: RFC 3207 (STARTTLS), RFC 5321 (SMTP).
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flicbridge.errors import ConfigError
from flicbridge.selfcheck.finding import Fact, Finding, ok, warning
from flicbridge.texts import N_
from flicbridge.transport.line import trusting
from flicbridge.transport.reach import Reach

# Authorities that renew by themselves do so a month before the end: whoever is later has forgotten it.
EXPIRES_SOON_DAYS: Final = 21
LONGEST_GREETING: Final = 100


class NotTrustedError(Exception):
    """The certificate is not what it should be; says why, in OpenSSL's words."""


class RefusedError(Exception):
    """The server does not want to encrypt."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server showed.

    Attributes:
        version: such as `TLSv1.3`.
        issuer: who signed its certificate.
        until_at: when that ends, UTC.
    """

    version: str
    issuer: str
    until_at: datetime


async def encrypted(reach: Reach, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
    """Encrypt a line that is open, and look at whom it leads to.

    Raises:
        NotTrustedError: to somebody else, or nobody can tell.
        RefusedError: the server does not want to.
        OSError: it broke.
    """
    try:
        context = trusting(reach.ca_file, reach.host)
    except ConfigError as error:
        raise NotTrustedError(f"ca_file {error.problems[0].what.rpartition('" ')[2]}") from error
    if reach.line == "starttls":
        await _ask_to_encrypt(reader, writer)
    try:
        await writer.start_tls(context, server_hostname=reach.host)
    except ssl.SSLCertVerificationError as error:
        raise NotTrustedError(error.verify_message) from error
    return _seen(writer.get_extra_info("ssl_object"))


async def _ask_to_encrypt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _expect(reader, b"220")
    writer.write(b"EHLO [127.0.0.1]\r\n")
    await _expect(reader, b"250")
    writer.write(b"STARTTLS\r\n")
    await _expect(reader, b"220")


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    """Read one answer, of several lines perhaps. Raises RefusedError if it is another."""
    for _ in range(LONGEST_GREETING):
        try:
            line = await reader.readline()
        except ValueError as error:
            raise RefusedError("no mail server") from error
        if not line.startswith(code):
            raise RefusedError(line[:3].decode("ascii", errors="replace").strip() or "hung up")
        if line[3:4] != b"-":
            return
    raise RefusedError("no mail server")


def _seen(line: ssl.SSLObject) -> Seen:
    certificate: Mapping[str, Any] = line.getpeercert() or {}
    names = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    until_s = ssl.cert_time_to_seconds(certificate["notAfter"])
    issuer = names.get("organizationName") or names.get("commonName") or "?"
    return Seen(line.version() or "?", issuer, datetime.fromtimestamp(until_s, UTC))


def judged(seen: Seen, now_at: datetime, about: Mapping[str, Fact]) -> Finding:
    """What it means for a channel."""
    days = (seen.until_at - now_at).days
    facts: dict[str, Fact] = {
        **about,
        "version": seen.version,
        "issuer": seen.issuer,
        "until": f"{seen.until_at:%Y-%m-%d}",
        "days": days,
    }
    if days < EXPIRES_SOON_DAYS:
        text = N_(
            "{channel}: the certificate of {host} ends on {until}, in {days} days ({version}, {issuer})."
        )
        remedy = N_("Ask the server's operator to renew it; after that day nothing is sent there.")
        return warning("tls_expires", text, remedy, **facts)
    text = N_("{channel}: {host} is itself ({version}, signed by {issuer}, until {until}).")
    return ok("tls", text, **facts)
