"""Webhooks: signed CloudEvents that arrive once, and every way in which they do not arrive."""

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook

from flicbridge.alert.alert import AlertKind, DeliveryState, Purpose
from flicbridge.clock import LoopClock
from flicbridge.errors import (
    ConfigError,
    DeliveryError,
    Failure,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from flicbridge.simulator.gateways import FakeHttp, Fault
from flicbridge.transport.base import Context, Message, Receipt
from flicbridge.transport.http import HttpOptions, HttpTransport, cloud_event

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]
type MakeTls = Callable[..., ssl.SSLContext]
type RawServer = Callable[..., Any]

SECRET = "whsec_" + base64.b64encode(b"the signing key of the hub, 32 b").decode()
TIMEOUT_S = 5.0


def transport(context: Context, url: str, **options: Any) -> HttpTransport:
    table = {"transport": "http", "url": url, "secret": "hub-key", **options}
    return HttpTransport(HttpOptions.model_validate(table), context)


@pytest.fixture
def house(make_context: MakeContext) -> Callable[[], Context]:
    """The usual house, made inside of the test, where the loop runs."""
    return lambda: make_context({"hub-key": SECRET})


async def failure(attempt: Any) -> DeliveryError:
    """The error that an attempt ends with, which has to come within the channel's timeout."""
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(DeliveryError) as caught:
        await attempt
    assert asyncio.get_running_loop().time() - began_s < TIMEOUT_S + 0.5
    return caught.value


async def test_an_event_arrives_and_is_what_cloudevents_and_standard_webhooks_say(
    make_message: MakeMessage, make_context: MakeContext
) -> None:
    message = make_message()
    async with (
        FakeHttp(secret=SECRET) as hub,
        transport(make_context({"hub-key": SECRET}), hub.url + "/a") as way,
    ):
        receipt = await way.deliver(message)
    assert receipt.at is not None  # what the receiver's clock says
    assert replace(receipt, at=None) == Receipt(state=DeliveryState.SENT, detail="HTTP 204")
    (arrived,) = hub.received
    assert arrived.key == arrived.headers["webhook-id"] == message.key
    assert arrived.headers["content-type"].startswith("application/cloudevents+json")
    Webhook(SECRET).verify(arrived.body, dict(arrived.headers))
    assert arrived.event == {
        "specversion": "1.0",
        "id": str(message.delivery),
        "source": "flicbridge/tilleuls-1",
        "type": "fr.flicbridge.emergency.raised",
        "subject": str(message.alert.id),
        "time": "2026-11-22T09:41:07.250+00:00",
        "datacontenttype": "application/json",
        "data": message.data,
    }


@pytest.mark.parametrize(
    ("kind", "purpose", "event_type"),
    [
        (AlertKind.EMERGENCY, Purpose.AGAIN, "fr.flicbridge.emergency.pressed_again"),
        (AlertKind.EMERGENCY, Purpose.CANCELLED, "fr.flicbridge.emergency.cancelled"),
        (AlertKind.TEST, Purpose.ALERT, "fr.flicbridge.test.raised"),
        (AlertKind.OVERDUE, Purpose.ALERT, "fr.flicbridge.overdue.raised"),
    ],
)
def test_the_type_says_what_kind_of_alert_and_what_of_it(
    make_message: MakeMessage, kind: AlertKind, purpose: Purpose, event_type: str
) -> None:
    assert json.loads(cloud_event(make_message(kind=kind, purpose=purpose)))["type"] == event_type


def test_the_same_message_is_always_the_same_bytes(make_message: MakeMessage) -> None:
    first = cloud_event(make_message(data={"a": 1, "b": "é"}))
    assert first == cloud_event(make_message(data={"b": "é", "a": 1}, attempt=7))
    assert "é".encode() in first
    assert b" " not in first.replace(b"Dr Zo", b"")


async def test_a_retry_has_the_same_id_and_a_time_of_its_own(
    make_message: MakeMessage, make_context: MakeContext
) -> None:
    context = make_context({"hub-key": SECRET})
    async with FakeHttp(secret=SECRET) as hub, transport(context, hub.url) as way:
        hub.fault = Fault(kind="drop_reply", times=1)
        error = await failure(way.deliver(make_message()))
        assert isinstance(error, TransientDeliveryError)
        assert error.may_have_arrived
        await context.clock.sleep(3600)
        await way.deliver(make_message(attempt=2))
    assert (len(hub.received), hub.duplicates, hub.forged) == (1, 1, 0)


@pytest.mark.parametrize(
    ("fault", "error", "may_have_arrived", "why"),
    [
        (Fault(kind="refuse"), TransientDeliveryError, False, "cannot connect: Connection refused"),
        (Fault(kind="hang"), TransientDeliveryError, True, "no answer within 5 s"),
        (Fault(kind="slow"), TransientDeliveryError, True, "no answer within 5 s"),
        (Fault(kind="reset"), TransientDeliveryError, True, "the connection broke"),
        (Fault(kind="reset_in_reply"), TransientDeliveryError, True, "the connection broke"),
        (Fault(kind="drop_reply"), TransientDeliveryError, True, "the connection broke"),
        (Fault(kind="captive"), TransientDeliveryError, False, "login portal"),
        (Fault(kind="status", status=503), TransientDeliveryError, False, "HTTP 503 Service Unavailable"),
        (Fault(kind="status", status=429), TransientDeliveryError, False, "HTTP 429 Too Many Requests"),
        (Fault(kind="status", status=410), PermanentDeliveryError, False, "refused: HTTP 410 Gone"),
        (Fault(kind="status", status=404), PermanentDeliveryError, False, "refused: HTTP 404 Not Found"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_every_fault_gets_the_right_error_in_time_and_none_outlasts_its_cause(
    make_message: MakeMessage,
    house: Callable[[], Context],
    fault: Fault,
    error: type[DeliveryError],
    may_have_arrived: bool,
    why: str,
) -> None:
    context = house()
    async with FakeHttp(secret=SECRET) as hub, transport(context, hub.url) as way:
        for warm in (False, True):  # on the first connection, and on one that was good before
            hub.fault = fault
            await context.clock.sleep(0.01)  # time to notice that a kept connection has gone
            raised = await failure(way.deliver(make_message(key=f"cold-{warm}")))
            assert type(raised) is error
            assert why in str(raised)
            assert getattr(raised, "may_have_arrived", False) == may_have_arrived
            hub.fault = None
            await way.deliver(make_message(key=f"well-{warm}"))
        acted = fault.kind in ("slow", "reset_in_reply", "drop_reply")
    keys = ["cold-False", "well-False", "cold-True", "well-True"]
    assert [hook.key for hook in hub.received] == [key for key in keys if acted or "well" in key]


async def test_a_busy_receiver_says_when_to_come_back(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with FakeHttp() as hub, transport(house(), hub.url) as way:
        hub.fault = Fault(kind="status", status=429, retry_after=timedelta(seconds=17))
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert raised.retry_after_s == 17


async def test_an_answer_in_time_is_waited_for(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with FakeHttp() as hub, transport(house(), hub.url) as way:
        hub.fault = Fault(kind="slow", wait=timedelta(seconds=4.9))
        assert (await way.deliver(make_message())).detail == "HTTP 204"


async def test_one_warm_connection_serves_many_messages(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with FakeHttp() as hub, transport(house(), hub.url) as way:
        for number in range(20):
            await way.deliver(make_message(key=str(number)))
        assert (len(hub.received), hub.connections) == (20, 1)


async def test_many_messages_at_a_time_do_not_wait_for_each_other(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with FakeHttp() as hub, transport(house(), hub.url) as way:
        hub.fault = Fault(kind="hang", times=1)
        async with asyncio.TaskGroup() as group:
            stuck = group.create_task(failure(way.deliver(make_message(key="stuck"))))
            for number in range(20):
                group.create_task(way.deliver(make_message(key=str(number))))
            await hub.wait_for(19, within_s=1)
        assert isinstance(stuck.result(), TransientDeliveryError)


async def test_a_redirect_is_not_followed(
    make_message: MakeMessage, house: Callable[[], Context], raw_server: RawServer
) -> None:
    async with FakeHttp() as elsewhere:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        async with raw_server(moved) as port, transport(house(), f"http://127.0.0.1:{port}/") as way:
            raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert "sent elsewhere (HTTP 307" in str(raised)
        assert elsewhere.attempts == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000,
    ],
)
async def test_an_answer_that_drips_is_cut_off_at_the_timeout(
    make_message: MakeMessage, house: Callable[[], Context], raw_server: RawServer, answer: bytes
) -> None:
    async with (
        raw_server(answer, pause_s=0.1) as port,
        transport(house(), f"http://127.0.0.1:{port}/") as way,
    ):
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert raised.may_have_arrived


async def test_of_a_huge_answer_only_the_beginning_is_read(
    make_message: MakeMessage, house: Callable[[], Context], raw_server: RawServer
) -> None:
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 200_000
    async with raw_server(huge) as port, transport(house(), f"http://127.0.0.1:{port}/") as way:
        assert (await way.deliver(make_message())).detail == "HTTP 200"


async def test_what_is_packed_is_not_unpacked(
    make_message: MakeMessage, house: Callable[[], Context], raw_server: RawServer
) -> None:
    bomb = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"
    async with raw_server(bomb) as port, transport(house(), f"http://127.0.0.1:{port}/") as way:
        assert (await way.deliver(make_message())).detail == "HTTP 200"


async def test_when_the_name_server_has_gone_the_address_known_before_still_works(
    make_message: MakeMessage, house: Callable[[], Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    knows = True

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host != "hub.example.fr" or not knows:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    context = house()
    async with FakeHttp() as hub, transport(context, f"http://hub.example.fr:{hub.port}/") as way:
        await way.deliver(make_message(key="before"))
        knows = False
        await context.clock.sleep(3600)  # the connection of then has been closed
        await way.deliver(make_message(key="after"))
        assert (len(hub.received), hub.connections) == (2, 2)


async def test_a_channel_that_is_given_up_lets_go_at_once(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with FakeHttp() as hub, transport(house(), hub.url) as way:
        hub.fault = Fault(kind="hang")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await way.deliver(make_message())
        hub.fault = None
        await way.deliver(make_message())
        assert hub.connections == 2


async def test_certificates_are_verified(
    make_message: MakeMessage, house: Callable[[], Context], make_tls: MakeTls, ca_file: Path
) -> None:
    async with FakeHttp(secret=SECRET, tls=make_tls("127.0.0.1")) as hub:
        async with transport(house(), hub.url, ca_file=ca_file) as way:
            await way.deliver(make_message())
        async with transport(house(), hub.url) as way:
            raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert "certificate is not trusted" in str(raised)
        assert not raised.may_have_arrived
    async with FakeHttp(tls=make_tls("other.example.fr")) as impostor:
        async with transport(house(), impostor.url, ca_file=ca_file) as way:
            raised = await failure(way.deliver(make_message()))
        assert "certificate is not trusted" in str(raised)
        assert impostor.attempts == 0


@pytest.mark.parametrize("kind", ["hang", "slow", "reset", "reset_in_reply", "drop_reply"])
async def test_faults_under_tls_are_no_different(
    make_message: MakeMessage, house: Callable[[], Context], make_tls: MakeTls, ca_file: Path, kind: str
) -> None:
    async with (
        FakeHttp(tls=make_tls("127.0.0.1")) as hub,
        transport(house(), hub.url, ca_file=ca_file) as way,
    ):
        hub.fault = Fault.model_validate({"kind": kind, "times": 1})
        raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert raised.may_have_arrived
        await way.deliver(make_message(attempt=2))
        assert len(hub.received) == 1


async def test_a_bridge_whose_clock_is_wrong_signs_by_the_clock_of_the_receiver(
    make_message: MakeMessage, make_context: MakeContext
) -> None:
    loop = asyncio.get_running_loop()
    right = LoopClock(loop, wall_at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC))
    wrong = LoopClock(loop, wall_at=datetime(2024, 1, 1, 0, 0, tzinfo=UTC))
    async with (
        FakeHttp(secret=SECRET, clock=right) as hub,
        transport(make_context({"hub-key": SECRET}, wrong), hub.url) as way,
    ):
        raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert "HTTP 401 Unauthorized; our clocks are" in str(raised)
        assert raised.retry_after_s == 0
        await way.deliver(make_message(attempt=2))
        await way.deliver(make_message(key="next"))
        assert (len(hub.received), hub.forged) == (2, 1)


async def test_whoever_asks_for_time_may_also_have_another_time(
    make_message: MakeMessage, make_context: MakeContext
) -> None:
    loop = asyncio.get_running_loop()
    right = LoopClock(loop, wall_at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC))
    wrong = LoopClock(loop, wall_at=datetime(2024, 1, 1, 0, 0, tzinfo=UTC))
    async with (
        FakeHttp(secret=SECRET, clock=right) as hub,
        transport(make_context({"hub-key": SECRET}, wrong), hub.url) as way,
    ):
        hub.fault = Fault(kind="status", status=401, retry_after=timedelta(seconds=17), times=1)
        raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert (raised.retry_after_s, raised.failure) == (17, Failure.RATE_LIMITED)
        assert "next time with theirs" in str(raised)
        await way.deliver(make_message(attempt=2))
        assert (len(hub.received), hub.forged) == (1, 0)


async def test_a_wrong_key_is_final_when_the_clocks_agree(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with FakeHttp(secret="whsec_" + "B" * 32) as hub, transport(house(), hub.url) as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, PermanentDeliveryError)
    assert hub.forged == 1


async def test_a_name_that_nobody_knows_is_worth_another_try(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    async with transport(house(), "http://hub.invalid/") as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert str(raised) == "cannot connect: the name of the server cannot be found"
    assert not raised.may_have_arrived


HEADER_NAMES = st.one_of(
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection"]
    ),
    st.sampled_from(["Location", "Retry-After", "Date", "Set-Cookie", "Upgrade", "WWW-Authenticate", ""]),
)
HEADER_VALUES = st.one_of(
    st.sampled_from(
        ["gzip", "br", "chunked", "close", "0", "5", "-1", "text/html", "x=y; expires=never", "//["]
    ),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=20),
)
HEADERS = st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=4)
STATUS = st.one_of(st.integers(100, 599).map(str), st.sampled_from(["", "20", "999", "1000", "-1", "２００"]))
ANSWERS = st.one_of(
    st.builds(
        lambda status, headers, body: (
            f"HTTP/1.1 {status} Some\r\n".encode()
            + "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")
            + b"\r\n"
            + body
        ),
        STATUS,
        HEADERS,
        st.binary(max_size=200),
    ),
    st.binary(max_size=300),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(answer=ANSWERS)
async def test_no_answer_whatever_makes_anything_but_a_receipt_or_a_delivery_error(
    make_message: MakeMessage, house: Callable[[], Context], raw_server: RawServer, answer: bytes
) -> None:
    async with raw_server(answer) as port, transport(house(), f"http://127.0.0.1:{port}/") as way:
        try:
            receipt = await way.deliver(make_message())
        except (TransientDeliveryError, PermanentDeliveryError):
            return
        assert receipt.detail.startswith("HTTP 2")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("hub.example.fr/hook", "no http or https URL"),
        ("ftp://hub.example.fr/", "no http or https URL"),
        ("http:///hook", "URL"),
        ("http://hub:99999/", "no URL"),
        ("http://[::1/", "no URL"),
        ("https://user:hunter2@hub.example.fr/", "name or password"),
        ("https://hub.example.fr/#top", "fragment"),
        (" https://hub.example.fr/", "URL|blanks"),
        ("", "URL"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_a_remedy(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        HttpOptions(transport="http", url=url, secret="key")
    (mistake,) = caught.value.errors()
    assert "; " in mistake["msg"]
    assert "hunter2" not in mistake["msg"]


@pytest.mark.parametrize("secret", ["hunter2", "whsec_aHVudGVyMg=="])
async def test_a_signing_key_that_cannot_work_stops_the_daemon_without_showing_it(
    make_context: MakeContext, secret: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        transport(make_context({"hub-key": secret}), "https://hub.example.fr/")
    (problem,) = caught.value.problems
    assert problem.where == 'secret "hub-key"'
    assert "openssl" in problem.remedy
    assert secret not in str(caught.value)


async def test_a_secret_that_is_missing_stops_the_daemon(make_context: MakeContext) -> None:
    with pytest.raises(ConfigError, match="hub-key"):
        transport(make_context({}), "https://hub.example.fr/")


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), ("hello", "holds no certificates")])
async def test_a_bad_file_of_certificates_stops_the_daemon(
    house: Callable[[], Context], tmp_path: Path, content: str | None, why: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=why):
        transport(house(), "https://hub.example.fr/", ca_file=path)


async def test_a_transport_that_was_not_entered_says_so(
    make_message: MakeMessage, house: Callable[[], Context]
) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await transport(house(), "http://127.0.0.1:9/").deliver(make_message())
