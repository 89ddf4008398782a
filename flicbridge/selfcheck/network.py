"""Each channel's server: whether its name is found, it answers, and it is the one it says it is.

Nothing is sent but what opens an encrypted line, and takes leave.
"""

import asyncio
import ipaddress
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flicbridge.clock import Clock
from flicbridge.config import Settings
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Fact, Finding, absent, fault, ok, warning
from flicbridge.selfcheck.tls import NotTrustedError, RefusedError, encrypted, judged
from flicbridge.texts import N_
from flicbridge.transport.line import explained
from flicbridge.transport.reach import Reach

NAME_TIMEOUT_S: Final = 6.0
CONNECT_TIMEOUT_S: Final = 4.0
TLS_TIMEOUT_S: Final = 6.0
GOODBYE_TIMEOUT_S: Final = 1.0
# A name server that is there answers in well under a second. What is slower is felt in every alert.
SLOW_NAME_S: Final = 1.0
MOST_ADDRESSES: Final = 2

CHECK_LINE: Final = N_(
    "Check the network cable or Wi-Fi, and the router; does a browser here reach the Internet?"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server and the channels that need it, by name."""

    reach: Reach
    channels: str

    @property
    def facts(self) -> dict[str, Fact]:
        """For every finding about it."""
        return {"channel": self.channels, "host": self.reach.host, "port": self.reach.port}


def servers(settings: Settings) -> list[Server]:
    """Every server that is needed, once."""
    found: defaultdict[Reach, list[str]] = defaultdict(list)
    for recipient in settings.recipients:
        for index, options in enumerate(recipient.channels):
            if reach := options.reach():
                found[reach].append(f"{recipient.name}/{index}")
    return [Server(reach, ", ".join(channels)) for reach, channels in found.items()]


async def probe(case: Case) -> list[Finding]:
    """All servers beside each other."""
    if case.settings is None:
        return [absent("network_unknown", N_("Without settings nobody knows which servers are needed."))]
    needed = servers(case.settings)
    if not needed:
        return [absent("network_unused", N_("No channel needs a server."))]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_server(server, case.clock)) for server in needed]
    return [finding for task in tasks for finding in task.result()]


async def _server(server: Server, clock: Clock) -> list[Finding]:
    name, addresses = await _named(server, clock)
    return [name, *await _reached(server, addresses, clock)] if addresses else [name]


async def _named(server: Server, clock: Clock) -> tuple[Finding, Sequence[str]]:
    """What became of the name, and the addresses behind it."""
    host, began_s = server.reach.host, clock.now_s()
    if _is_address(host):
        return absent("dns_not_needed", N_("{channel}: {host} needs no name server."), **server.facts), [host]
    try:
        async with asyncio.timeout(NAME_TIMEOUT_S):
            addresses = await aside(lambda: _look_up(host, server.reach.port))
    except TimeoutError:
        text = N_("{channel}: the name server does not answer within {limit} s for {host}.")
        return fault("dns_silent", text, CHECK_LINE, limit=round(NAME_TIMEOUT_S), **server.facts), []
    except (OSError, UnicodeError):
        text = N_("{channel}: the name {host} cannot be found.")
        remedy = N_(
            "Check how it is written in the settings, then the network: does a browser here reach it?"
        )
        return fault("dns_failed", text, remedy, **server.facts), []
    took_s = clock.now_s() - began_s
    facts: dict[str, Fact] = {**server.facts, "ms": took_s * 1000}
    if took_s > SLOW_NAME_S:
        text = N_("{channel}: the name server took {ms} ms for {host}.")
        return warning("dns_slow", text, N_("Set another name server in the router."), **facts), addresses
    return ok("dns", N_("{channel}: {host} was found in {ms} ms."), **facts), addresses


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _reached(server: Server, addresses: Sequence[str], clock: Clock) -> list[Finding]:
    began_s = clock.now_s()
    try:
        reader, writer = await _connected(addresses, server.reach.port)
    except OSError as error:  # TimeoutError included
        why = "no answer" if isinstance(error, TimeoutError) else explained(error)
        text = N_("{channel}: {host}, port {port}, does not answer ({why}).")
        return [fault("server_unreachable", text, CHECK_LINE, why=why, **server.facts)]
    reached = ok(
        "server",
        N_("{channel}: {host}, port {port}, answered in {ms} ms."),
        ms=(clock.now_s() - began_s) * 1000,
        **server.facts,
    )
    try:
        return [reached, await _secured(server, reader, writer, clock)]
    finally:
        await _part(reader, writer, server.reach.goodbye)


async def _connected(
    addresses: Sequence[str], port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers.

    Raises:
        OSError: none does.
    """
    failure: OSError = TimeoutError()
    for address in addresses[:MOST_ADDRESSES]:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(address, port)
        except OSError as error:
            failure = error
    raise failure


async def _secured(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: Clock
) -> Finding:
    facts: Mapping[str, Fact] = server.facts
    if server.reach.line == "plain":
        return _plain(server)
    try:
        async with asyncio.timeout(TLS_TIMEOUT_S):
            seen = await encrypted(server.reach, reader, writer)
    except NotTrustedError as error:
        text = N_("{channel}: the certificate of {host} is not to be trusted ({why}).")
        remedy = N_("Check the clock and the name in the settings; else the server's operator must renew it.")
        return fault("tls_not_trusted", text, remedy, why=str(error), **facts)
    except RefusedError as error:
        text = N_("{channel}: {host}, port {port}, offers no encrypted line ({why}).")
        remedy = N_("Check the port, and `security` of the channel, with what the provider says.")
        return fault("tls_refused", text, remedy, why=str(error), **facts)
    except OSError as error:
        why = "no answer" if isinstance(error, TimeoutError) else explained(error)
        text = N_("{channel}: no encrypted line to {host}, port {port} ({why}).")
        remedy = N_("Check the port, and whether something in between looks into encrypted lines.")
        return fault("tls_failed", text, remedy, why=why, **facts)
    return judged(seen, clock.now_at(), facts)


def _plain(server: Server) -> Finding:
    """Not encrypted: as usual within the house, and not beyond it."""
    host = server.reach.host
    if _is_address(host) and ipaddress.ip_address(host).is_private:
        return absent("tls_local", N_("{channel}: not encrypted, within the local network."), **server.facts)
    text = N_("{channel}: the line to {host} is not encrypted; names and places can be read on the way.")
    return warning(
        "tls_none", text, N_("Use an https address, or `security` of mail channels."), **server.facts
    )


async def _part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, goodbye: bytes) -> None:
    """Take leave, let the other side do so for a moment, and hang up whatever comes of it."""
    with suppress(OSError, RuntimeError):
        if goodbye and not writer.is_closing():
            async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                writer.write(goodbye)
                while await reader.read(1024):  # what nobody reads makes the system cut the line off
                    pass
    writer.transport.abort()
