"""Says when the network may have come back, so that nothing waits for the end of a backoff.

The kernel tells: it reports every link, address and route that appears (Linux). Programs above it, such as
NetworkManager, only repeat that a little later. Where it cannot be asked, nothing is said, and the backoff
remains. A machine that was suspended is noticed by its clocks (`guard/timekeeper.py`).

Sources: netlink(7), rtnetlink(7), linux/rtnetlink.h, linux/if.h.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import structlog

log = structlog.get_logger()

type Hurry = Callable[[], None]

# struct nlmsghdr: length, type, flags, sequence, port; struct ifinfomsg: family, type, index, flags, change.
HEADER: Final = struct.Struct("=IHHII")
LINK: Final = struct.Struct("=BxHiII")
ALIGNED_TO: Final = 4

NEW_LINK, NEW_ADDRESS, NEW_ROUTE = 16, 20, 24
LINK_IS_RUNNING: Final = 0x40  # IFF_RUNNING: up, and with a carrier

# RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE
GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

# A link that comes up is followed by addresses and routes, a message each: look again when they are done. The
# router that a cable leads to often starts later than the link, and a name server later than the route.
PAUSES_S: Final = (0.25, 1.0, 3.0, 10.0)
MOST_NEWS: Final = 20


class News:
    """Understands the kernel's messages; remembers which links were running, for much is told repeatedly."""

    def __init__(self) -> None:
        self._running: dict[int, bool] = {}

    def is_good(self, datagram: bytes) -> bool:
        """Tell whether something leads out of the house now that did not before."""
        return sum(self._is_good(kind, body) for kind, body in _messages(datagram)) > 0  # each is remembered

    def _is_good(self, kind: int, body: bytes) -> bool:
        if kind == NEW_LINK and len(body) >= LINK.size:
            _, _, index, flags, _ = LINK.unpack_from(body)
            was_running = self._running.get(index, False)
            self._running[index] = bool(flags & LINK_IS_RUNNING)
            return self._running[index] and not was_running
        return kind in (NEW_ADDRESS, NEW_ROUTE)


def _messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message; what is cut off is left out."""
    at = 0
    while at + HEADER.size <= len(datagram):
        length, kind, *_ = HEADER.unpack_from(datagram, at)
        if length < HEADER.size or at + length > len(datagram):
            return
        yield kind, datagram[at + HEADER.size : at + length]
        at += -(-length // ALIGNED_TO) * ALIGNED_TO


async def watch_network(hurry: Hurry, redial: Hurry = lambda: None) -> None:
    """Watch until cancelled.

    Args:
        hurry: called whenever the network may have come back: at once, when the news have settled, and a few
            times more, for the kernel only sees this end of the line.
        redial: called before that whenever there are news, and not else: it breaks off what is half done.
    """
    line = _listen()
    if line is None:
        await asyncio.get_running_loop().create_future()  # there is nothing to hear, for ever
        return
    with line:
        news = News()
        while True:
            await _good_news(line, news)
            log.info("network_changed")
            redial()
            hurry()
            for pause_s in PAUSES_S:
                if await _were_more(line, news, pause_s):
                    redial()
                hurry()


def _listen() -> socket.socket | None:
    """The kernel's news of links, addresses and routes; None where there are none to be had."""
    family, protocol = getattr(socket, "AF_NETLINK", None), getattr(socket, "NETLINK_ROUTE", None)
    if family is None or protocol is None:
        log.info("network_not_watched")
        return None
    line = None
    try:
        line = socket.socket(family, socket.SOCK_RAW, protocol)
        line.setblocking(False)
        line.bind((0, GROUPS))
    except OSError as error:  # a container may forbid it
        log.warning("network_not_watched", error=error.strerror)
        if line is not None:
            line.close()
        return None
    return line


async def _good_news(line: socket.socket, news: News) -> None:
    """Wait, for as long as it takes."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            if news.is_good(await loop.sock_recv(line, 65_536)):
                return
        except OSError:  # ENOBUFS: so much news that some was lost
            return


async def _were_more(line: socket.socket, news: News, pause_s: float) -> bool:
    """Wait for a pause in the good news, and tell whether there were any.

    Some networks never pause, and those are not waited for.
    """
    heard = 0
    with suppress(TimeoutError):
        for heard in range(MOST_NEWS):  # noqa: B007 - so many are there when time is up
            async with asyncio.timeout(pause_s):
                await _good_news(line, news)
    return heard > 0
