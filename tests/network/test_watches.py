"""What the kernel says about the network."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.clock import LoopClock
from flicbridge.network import News, watch_network
from flicbridge.supervise import alongside

NEW_LINK, DEL_LINK, NEW_ADDRESS, DEL_ADDRESS, NEW_ROUTE = 16, 17, 20, 21, 24
RUNNING, DOWN = 0x1043, 0x1002


def message(kind: int, body: bytes = b"") -> bytes:
    """One message of rtnetlink, as the kernel writes it."""
    whole = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
    return whole + bytes(-len(whole) % 4)


def link(index: int, flags: int) -> bytes:
    return message(NEW_LINK, struct.pack("=BxHiII", 0, 1, index, flags, 0xFFFFFFFF) + b"\x08\0\3\0eth0")


def test_a_link_that_comes_up_is_good_news_once() -> None:
    news = News()
    assert not news.is_good(link(2, DOWN))
    assert news.is_good(link(2, RUNNING))
    assert not news.is_good(link(2, RUNNING))  # a scan for radio networks tells it every minute
    assert not news.is_good(link(2, DOWN))
    assert news.is_good(link(2, RUNNING))


def test_new_addresses_and_routes_are_good_news_and_lost_ones_are_not() -> None:
    news = News()
    assert news.is_good(message(NEW_ADDRESS, bytes(8)))
    assert news.is_good(message(NEW_ROUTE, bytes(12)))
    assert not news.is_good(message(DEL_ADDRESS, bytes(8)))
    assert not news.is_good(message(DEL_LINK, bytes(16)))


def test_all_messages_of_a_datagram_are_read() -> None:
    news = News()
    assert news.is_good(link(2, DOWN) + message(DEL_ADDRESS, bytes(9)) + link(3, RUNNING))
    assert not news.is_good(link(3, RUNNING))


@given(st.binary(max_size=200))
def test_no_bytes_can_break_it(datagram: bytes) -> None:
    News().is_good(datagram)


@given(st.binary(max_size=40), st.integers(0, 60))
def test_a_message_that_was_cut_off_is_no_news(body: bytes, keep: int) -> None:
    whole = message(NEW_ROUTE, body)
    kept = whole[: min(keep, 15)]
    assert not News().is_good(kept)


async def test_where_the_kernel_tells_nothing_the_backoff_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("socket.AF_NETLINK", raising=False)
    clock, hurried = LoopClock(asyncio.get_running_loop()), list[None]()
    async with alongside(watch=lambda: watch_network(lambda: hurried.append(None))):
        await clock.sleep(60)
    assert hurried == []
