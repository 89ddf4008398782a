"""Names of servers: a dead name server holds up nobody, and what was known before is used."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.transport.names import PATIENCE_S, THREADS, Names, NamesForAiohttp

type Ask = Callable[..., Any]


class NameServer:
    """Stands in for the system's resolver: answers, refuses, or stays silent until it is released."""

    def __init__(self) -> None:
        self.mood = "answers"
        self.asked = 0
        self.release = threading.Event()

    def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        if self.mood == "silent":
            self.release.wait(30)
        if self.mood != "answers":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port)),
        ]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.release.set()


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.close()


def addresses(found: list[Any]) -> list[str]:
    return [entry[4][0] for entry in found]


async def test_a_name_is_asked_for_each_time_it_is_needed(names: Names, name_server: NameServer) -> None:
    for _ in range(2):
        assert addresses(await names.look_up("hub.example.fr", 443)) == ["2001:db8::1", "192.0.2.1"]
    assert name_server.asked == 2


async def test_an_unknown_name_is_an_error(names: Names, name_server: NameServer) -> None:
    name_server.mood = "refuses"
    with pytest.raises(OSError, match="Temporary failure"):
        await names.look_up("hub.example.fr", 443)


async def test_a_name_known_before_is_used_when_nobody_knows_it_now(
    names: Names, name_server: NameServer
) -> None:
    known = await names.look_up("hub.example.fr", 443)
    name_server.mood = "refuses"
    assert await names.look_up("hub.example.fr", 443) == known
    with pytest.raises(OSError, match="Temporary failure"):
        await names.look_up("other.example.fr", 443)


@pytest.mark.real_time
async def test_a_silent_name_server_costs_no_more_than_our_patience(
    names: Names, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flicbridge.transport.names.PATIENCE_S", PATIENCE_S / 20)
    known = await names.look_up("hub.example.fr", 443)
    name_server.mood = "silent"
    assert await names.look_up("hub.example.fr", 443) == known


async def test_lookups_do_not_use_the_threads_that_everybody_shares(
    names: Names, name_server: NameServer
) -> None:
    name_server.mood = "silent"
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        stuck = [group.create_task(names.look_up("hub.example.fr", 443)) for _ in range(40)]
        try:
            async with asyncio.timeout(5):
                while name_server.asked < THREADS:
                    await LoopClock(loop).sleep(0.001)
                assert await loop.run_in_executor(None, lambda: "free") == "free"
        finally:
            name_server.release.set()
            for task in stuck:
                task.cancel()


async def test_a_name_that_cannot_be_one_is_an_error_like_any_other(names: Names) -> None:
    with pytest.raises(OSError, match="no name"):
        await names.look_up("a" * 64 + ".example.fr", 443)


async def test_aiohttp_gets_the_same_addresses(names: Names, name_server: NameServer) -> None:
    found = await NamesForAiohttp(names).resolve("hub.example.fr", 443)
    assert [(entry["host"], entry["port"]) for entry in found] == [("2001:db8::1", 443), ("192.0.2.1", 443)]
    only_four = await NamesForAiohttp(names).resolve("hub.example.fr", 443, socket.AF_INET)
    assert [entry["host"] for entry in only_four] == ["192.0.2.1"]


async def test_connect_takes_whichever_address_answers(
    names: Names, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        local = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.9", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: local)
        with await names.connect("hub.example.fr", port) as line:
            assert line.getpeername() == ("127.0.0.1", port)


async def test_connect_without_any_address_is_an_error(
    names: Names, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(OSError, match="no address"):
        await names.connect("hub.example.fr", 443)
