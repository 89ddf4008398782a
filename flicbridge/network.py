"""Says when the network may have come back, so that nothing waits for the end of a backoff.

Two things tell: the kernel, which reports every link, address and route that appears (Linux), and the two
monotonic clocks of which one goes on while the machine is suspended. Where neither can be asked, nothing is
said, and the backoff remains.

Sources: netlink(7), rtnetlink(7), linux/rtnetlink.h, linux/if.h.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import structlog

from flicbridge.clock import Clock

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

LOOKS_EVERY_S: Final = 5.0
# Less than this between two looks is a busy machine, not a suspended one.
SUSPENDED_S: Final = 2.0


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


async def watch_network(clock: Clock, hurry: Hurry) -> None:
    """Call `hurry` whenever the network may have come back, until cancelled.

    At once, when the news have settled, and a few times more: the kernel only sees this end of the line.
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
            hurry()
            for pause_s in PAUSES_S:
                await _until_quiet(line, news, pause_s)
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


async def _until_quiet(line: socket.socket, news: News, pause_s: float) -> None:
    """Wait for a pause in the good news; some networks never pause, and those are not waited for."""
    with suppress(TimeoutError):
        for _ in range(MOST_NEWS):
            async with asyncio.timeout(pause_s):
                await _good_news(line, news)


async def watch_sleep(clock: Clock, hurry: Hurry) -> None:
    """Call `hurry` after the machine was suspended, for its timers stood still meanwhile; until cancelled."""
    before_s = _slept_s(clock)
    while True:
        await clock.sleep(LOOKS_EVERY_S)
        slept_s = _slept_s(clock)
        if slept_s - before_s > SUSPENDED_S:
            log.info("machine_was_suspended", for_s=round(slept_s - before_s, 1))
            hurry()
        before_s = slept_s


def _slept_s(clock: Clock) -> float:
    """How long this machine has been suspended in its life, and some constant."""
    return clock.reading().up.up_s - clock.now_s()
