"""The fake gateways: real sockets, real protocols, and faults exactly as ordered."""

import asyncio
import errno
import smtplib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from flicbridge.clock import LoopClock
from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp, Fault, Gateway
from flicbridge.transport.signature import read_keys, sign

KEY = "whsec_" + "A" * 32


async def post(url: str, key: str = "k", **headers: str) -> int:
    """POST as any client would, on a connection of its own; return the status."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=b"{}", headers={"webhook-id": key, **headers}) as response,
    ):
        await response.read()
        return response.status


@asynccontextmanager
async def dialled(gateway: Gateway[Any]) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def drained(reader: asyncio.StreamReader) -> None:
    while await reader.read(100):
        pass


async def test_what_arrives_is_recorded_with_the_time_of_its_first_byte() -> None:
    loop = asyncio.get_running_loop()
    async with FakeHttp() as gateway, dialled(gateway) as (reader, writer):
        before_s = loop.time()
        writer.write(b"POST / HTTP/1.1\r\n")
        await LoopClock(loop).sleep(3)
        writer.write(b"Webhook-Id: k\r\nContent-Length: 7\r\n\r\n")
        await LoopClock(loop).sleep(3)
        writer.write(b'{"a":1}')
        assert (await reader.readline()).startswith(b"HTTP/1.1 204 ")
    (arrived,) = gateway.received
    assert 0 <= arrived.at_s - before_s < 1
    assert (arrived.key, arrived.body, arrived.event) == ("k", b'{"a":1}', {"a": 1})


async def test_what_arrives_again_under_its_key_is_counted_and_not_recorded() -> None:
    async with FakeHttp() as gateway:
        assert [await post(gateway.url, key) for key in ("a", "b", "a", "a")] == [204] * 4
        assert [hook.key for hook in gateway.received] == ["a", "b"]
        assert (gateway.duplicates, gateway.attempts) == (2, 4)


async def test_a_receiver_with_a_key_takes_only_what_is_signed_with_it_and_in_time() -> None:
    async with FakeHttp(secret=KEY) as gateway:
        now_s = int(LoopClock(asyncio.get_running_loop()).now_at().timestamp())
        for at_s, key, status in [
            (now_s, KEY, 204),
            (now_s, "whsec_" + "B" * 32, 401),
            (now_s - 400, KEY, 401),
        ]:
            signature = sign(read_keys(key), "k", at_s, b"{}")
            headers = {"webhook-timestamp": str(at_s), "webhook-signature": signature}
            assert await post(gateway.url, **headers) == status
        assert await post(gateway.url) == 401
        assert (len(gateway.received), gateway.forged) == (1, 3)


async def test_waiting_for_arrivals_ends_when_they_are_there_or_time_is_up() -> None:
    async with FakeHttp() as gateway, asyncio.TaskGroup() as group:
        waiting = group.create_task(gateway.wait_for(2, within_s=60))
        await post(gateway.url, "a")
        assert not waiting.done()
        await post(gateway.url, "b")
        await waiting
        with pytest.raises(TimeoutError):
            await gateway.wait_for(3, within_s=60)


async def test_a_refusing_gateway_has_no_open_port_and_is_back_at_once_on_the_same_one() -> None:
    async with FakeHttp() as gateway:
        port = gateway.port
        for _ in range(5):
            gateway.fault = Fault(kind="refuse")
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(gateway.host, port)
            gateway.fault = None
            assert await post(gateway.url) == 204
        assert gateway.port == port


async def test_a_gateway_may_be_refusing_from_the_start_and_change_its_mind_within_one_turn() -> None:
    gateway = FakeHttp()
    gateway.fault = Fault(kind="refuse")
    async with gateway:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(gateway.host, gateway.port)
        gateway.fault = None
        gateway.fault = Fault(kind="refuse")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(gateway.host, gateway.port)
        gateway.fault = None
        gateway.fault = Fault(kind="status", status=500)
        assert await post(gateway.url) == 500


async def test_a_refusing_gateway_keeps_its_port_so_that_nobody_else_answers_there() -> None:
    async with FakeHttp() as gateway, FakeHttp() as later:
        gateway.fault = later.fault = Fault(kind="refuse")
        for refusing in (gateway, later):
            with socket.socket() as other, pytest.raises(OSError) as taken:  # noqa: PT011 - by its number
                other.bind((refusing.host, refusing.port))
            assert taken.value.errno == errno.EADDRINUSE


async def test_refusing_cuts_open_connections() -> None:
    async with FakeHttp() as gateway, dialled(gateway) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        await gateway.wait_for(1, within_s=1)
        gateway.fault = Fault(kind="refuse")
        with suppress(ConnectionResetError):
            await drained(reader)
        assert reader.at_eof() or reader.exception()


async def test_a_counted_fault_spoils_that_many_requests() -> None:
    async with FakeHttp() as gateway:
        gateway.fault = Fault(kind="status", status=500, times=3)
        assert [await post(gateway.url) for _ in range(5)] == [500, 500, 500, 204, 204]
        assert gateway.fault is None


async def test_an_uncounted_fault_lasts_until_it_is_switched_off() -> None:
    async with FakeHttp() as gateway:
        gateway.fault = Fault(kind="status", status=418)
        assert {await post(gateway.url) for _ in range(10)} == {418}
        gateway.fault = None
        assert await post(gateway.url) == 204


async def test_a_throttling_gateway_says_when_to_come_back() -> None:
    async with FakeHttp() as gateway, aiohttp.ClientSession() as session:
        gateway.fault = Fault(kind="status", status=429, retry_after=timedelta(seconds=30))
        async with session.post(gateway.url, data=b"{}") as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "30")
        assert gateway.received == []


@pytest.mark.parametrize(
    ("kind", "acted"), [("reset", False), ("drop_reply", True), ("reset_in_reply", True), ("hang", False)]
)
async def test_a_reset_is_a_real_one_and_what_was_acted_on_is_recorded(kind: str, acted: bool) -> None:
    async with FakeHttp() as gateway, dialled(gateway) as (reader, writer):
        gateway.fault = Fault.model_validate({"kind": kind})
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        with pytest.raises(TimeoutError if kind == "hang" else ConnectionResetError):
            await asyncio.wait_for(drained(reader), 3600)
    assert len(gateway.received) == acted


async def test_a_slow_gateway_acts_at_once_and_answers_late() -> None:
    loop = asyncio.get_running_loop()
    async with FakeHttp() as gateway:
        gateway.fault = Fault(kind="slow", wait=timedelta(seconds=40))
        began_s = loop.time()
        assert await post(gateway.url) == 204
        assert 40 <= loop.time() - began_s < 41
        assert gateway.received[0].at_s - began_s < 1


async def test_a_captive_portal_answers_with_a_page() -> None:
    async with FakeHttp() as gateway, aiohttp.ClientSession() as session:
        gateway.fault = Fault(kind="captive")
        async with session.post(gateway.url, data=b"{}") as response:
            assert response.status == 200
            assert "<html>" in await response.text()
        assert gateway.received == []


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"x" * 100_000]
)
async def test_what_is_not_http_is_hung_up_on(rubbish: bytes) -> None:
    async with FakeHttp() as gateway:
        async with dialled(gateway) as (reader, writer):
            writer.write(rubbish)
            with suppress(ConnectionResetError):
                await asyncio.wait_for(drained(reader), 1)
        assert await post(gateway.url) == 204


async def test_an_idle_connection_is_closed_after_a_while() -> None:
    loop = asyncio.get_running_loop()
    async with FakeHttp() as gateway, dialled(gateway) as (reader, _):
        began_s = loop.time()
        await drained(reader)
        assert 59 < loop.time() - began_s < 61


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_webhook_has_to_be_posted(method: str) -> None:
    async with FakeHttp() as gateway, aiohttp.ClientSession() as session:
        response = await session.request(method, gateway.url)
        assert response.status == 405


async def test_small_writes_are_not_held_back() -> None:
    """Else the kernel would wait 40 ms for more, which a loop that leaps takes for silence."""
    async with FakeHttp() as gateway, dialled(gateway) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readline()
        (line,) = gateway._lines
        assert line.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.real_time
async def test_the_mail_server_serves_the_client_of_the_standard_library() -> None:
    def send(port: int) -> list[Any]:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.login("box", "pw")
            mail = "From: a@example.org\r\nMessage-ID: <m@example.org>\r\nSubject: x\r\n\r\nhello\r\n"
            return [
                client.sendmail("a@example.org", ["b@example.org", "c@example.org"], mail) for _ in range(2)
            ]

    async with FakeSmtp(login=("box", "pw"), refuses={"c@example.org": "550 5.1.1 no such user"}) as gateway:
        refused = await asyncio.get_running_loop().run_in_executor(None, send, gateway.port)
    assert refused == [{"c@example.org": (550, b"5.1.1 no such user")}] * 2
    (mail,) = gateway.received
    assert (mail.key, mail.sender, mail.recipients) == (
        "<m@example.org>",
        "a@example.org",
        ("b@example.org",),
    )
    assert (mail.message["Subject"], mail.message.get_content().strip()) == ("x", "hello")
    assert (mail.login, mail.encrypted, gateway.duplicates) == ("box", False, 1)


async def phone_says(phone: FakePhone, method: str, path: str, **request: Any) -> tuple[int, Any]:
    headers = {"Authorization": "Basic c21zOnB3"}  # sms:pw
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, phone.url + path, **request) as response,
    ):
        return response.status, await response.json() if response.content_length else None


GOOD = {
    "id": "k",
    "textMessage": {"text": "hello"},
    "phoneNumbers": ["+33612345678"],
    "ttl": 60,
    "priority": 101,
}


async def test_the_phone_takes_a_message_and_shows_its_state() -> None:
    async with FakePhone(password="pw") as phone:
        status, shown = await phone_says(phone, "POST", "/messages", json=GOOD)
        assert (status, shown["id"], shown["state"]) == (202, "k", "Pending")
        states = []
        for _ in range(10):
            states.append((await phone_says(phone, "GET", "/message/k"))[1]["state"])
            await LoopClock(asyncio.get_running_loop()).sleep(0.6)
        assert list(dict.fromkeys(states)) == ["Pending", "Processed", "Sent", "Delivered"]
        assert await phone_says(phone, "POST", "/message", json=GOOD) == (
            409,
            {"message": "Message with the same ID already exists"},
        )
        assert (await phone_says(phone, "GET", "/message/other"))[0] == 404
        assert (await phone_says(phone, "GET", "/health"))[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"textMessage": {"text": ""}},
        {"textMessage": None},
        {"phoneNumbers": []},
        {"phoneNumbers": ["0612345678"]},
        {"priority": 128},
        {"ttl": 0},
        {"simNumber": 0},
    ],
)
async def test_the_phone_refuses_what_the_app_would(change: dict[str, Any]) -> None:
    async with FakePhone(password="pw") as phone:
        status, said = await phone_says(phone, "POST", "/message", json={**GOOD, **change})
        assert status == 400
        assert said["message"]
        assert phone.received == []


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "explode"},
        {"kind": "refuse", "times": 3},
        {"kind": "slow", "times": 0},
        {"kind": "slow", "wait": "a while"},
        {"kind": "status", "status": 200},
        {"kind": "hang", "colour": "red"},
        {},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(table)


def test_a_fault_reads_as_a_scenario_file_writes_it() -> None:
    table = {"kind": "status", "status": 429, "retry_after": "1m30s", "times": 2}
    assert Fault.model_validate(table) == Fault(
        kind="status", status=429, retry_after=timedelta(seconds=90), times=2
    )
