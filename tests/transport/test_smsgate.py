"""SMS through a phone: asked for once, sent once, and what became of it."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flicbridge.alert.alert import DeliveryState
from flicbridge.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from flicbridge.simulator.gateways import FakePhone, Fault, Sms
from flicbridge.transport.base import Context, Message, Receipt
from flicbridge.transport.smsgate import SmsGateOptions, SmsGateTransport, request_for

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]
type RawServer = Callable[..., Any]

NUMBER = "+33612345678"
TIMEOUT_S = 5.0


def options(url: str = "http://192.168.1.20:8080", **more: Any) -> SmsGateOptions:
    table = {"transport": "smsgate", "url": url, "secret": "phone", "to": NUMBER, **more}
    return SmsGateOptions.model_validate(table)


@pytest.fixture
def way_to(make_context: MakeContext) -> Callable[..., SmsGateTransport]:
    """Make the transport to a phone, inside of the test, where the loop runs."""

    def make(url: str, password: str = "correct horse", **more: Any) -> SmsGateTransport:
        return SmsGateTransport(options(url, **more), make_context({"phone": password}))

    return make


@pytest.fixture
def make_phone() -> Callable[[], FakePhone]:
    return lambda: FakePhone(password="correct horse")


type WayTo = Callable[..., SmsGateTransport]
type MakePhone = Callable[[], FakePhone]


async def failure(attempt: Any) -> DeliveryError:
    """The error that an attempt ends with, which has to come within the channel's timeout."""
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(DeliveryError) as caught:
        await attempt
    assert asyncio.get_running_loop().time() - began_s < TIMEOUT_S + 0.5
    return caught.value


async def test_an_sms_is_taken_by_the_phone_under_our_own_id(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone
) -> None:
    message = make_message()
    async with make_phone() as phone, way_to(phone.url, sim=2) as way:
        receipt = await way.deliver(message)
    assert receipt == Receipt(provider_id=message.key, state=DeliveryState.SENT, detail="HTTP 202")
    (sms,) = phone.received
    assert sms == Sms(
        key=message.key,
        at_s=sms.at_s,
        number=NUMBER,
        text=message.sms,
        priority=101,
        ttl_s=86_400,
        sim=2,
        fate="delivered",
    )


def test_the_request_is_the_one_of_the_documentation(make_message: MakeMessage) -> None:
    message = make_message(key="k", sms="ALERTE")
    assert request_for(message, options()) == {
        "id": "k",
        "textMessage": {"text": "ALERTE"},
        "phoneNumbers": [NUMBER],
        "ttl": 86_400,
        "withDeliveryReport": True,
        "priority": 101,
    }


@pytest.mark.parametrize(("attempt", "priority"), [(1, 101), (2, 102), (27, 127), (28, 127), (10_000, 127)])
def test_each_retry_ranks_above_the_one_before(
    make_message: MakeMessage, attempt: int, priority: int
) -> None:
    assert request_for(make_message(attempt=attempt), options())["priority"] == priority


@pytest.mark.parametrize(("left", "ttl_s"), [(0.2, 1), (0, 1), (-5, 1), (59.5, 60), (60, 60)])
def test_the_time_to_live_is_what_is_left_of_it_and_never_nothing(
    make_message: MakeMessage, left: float, ttl_s: int
) -> None:
    message = make_message()
    message = make_message(expires_at=message.sent_at + timedelta(seconds=left))
    assert request_for(message, options())["ttl"] == ttl_s


async def test_what_the_phone_had_already_counts_as_sent(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        phone.fault = Fault(kind="drop_reply", times=1)
        raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert raised.may_have_arrived
        receipt = await way.deliver(make_message(attempt=2))
    assert receipt == Receipt(provider_id=make_message().key, detail="the phone had it already")
    assert (len(phone.received), phone.duplicates) == (1, 1)


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
        (Fault(kind="status", status=500), TransientDeliveryError, False, "HTTP 500"),
        (Fault(kind="status", status=429), TransientDeliveryError, False, "HTTP 429"),
        (Fault(kind="status", status=400), PermanentDeliveryError, False, "refused: HTTP 400"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_every_fault_gets_the_right_error_in_time_and_the_retry_is_sent_once(
    make_message: MakeMessage,
    way_to: WayTo,
    make_phone: MakePhone,
    fault: Fault,
    error: type[DeliveryError],
    may_have_arrived: bool,
    why: str,
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        phone.fault = fault
        raised = await failure(way.deliver(make_message()))
        assert type(raised) is error
        assert why in str(raised)
        assert getattr(raised, "may_have_arrived", False) == may_have_arrived
        phone.fault = None
        await way.deliver(make_message(attempt=2))
    assert len(phone.received) == 1


async def test_a_wrong_password_is_final(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone
) -> None:
    async with make_phone() as phone, way_to(phone.url, password="battery staple") as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, PermanentDeliveryError)
    assert str(raised) == "refused: HTTP 401 Unauthorized"


async def test_the_phones_own_words_are_kept_but_no_number(
    make_message: MakeMessage, way_to: WayTo, raw_server: RawServer
) -> None:
    body = json.dumps({"message": f"Invalid phone number: {NUMBER}"}).encode()
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with raw_server(refusal) as port, way_to(f"http://127.0.0.1:{port}") as way:
        raised = await failure(way.deliver(make_message()))
    assert str(raised) == "refused: HTTP 400 Bad Request: Invalid phone number: …"


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b"{}", b'{"id":3}', b'{"id":""}', b"[" * 5000])
async def test_something_else_that_answers_is_not_taken_for_the_phone(
    make_message: MakeMessage, way_to: WayTo, raw_server: RawServer, body: bytes
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with raw_server(answer) as port, way_to(f"http://127.0.0.1:{port}") as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert "not SMS Gateway" in str(raised)


async def test_an_older_app_that_takes_a_repeated_id_without_a_word_is_fine_too(
    make_message: MakeMessage, way_to: WayTo, raw_server: RawServer
) -> None:
    body = b'{"id":"k","state":"Pending","recipients":[]}'
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with raw_server(answer) as port, way_to(f"http://127.0.0.1:{port}") as way:
        assert (await way.deliver(make_message(key="k", attempt=2))).provider_id == "k"


async def test_an_sms_is_followed_until_it_is_on_the_handset(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        receipt = await way.deliver(make_message())
        assert receipt.provider_id is not None
        seen = []
        for _ in range(12):
            seen.append((await way.follow(receipt.provider_id)).state)
            await way.context.clock.sleep(0.5)
    assert seen[:8] == [DeliveryState.SENT] * 8
    assert seen[9:] == [DeliveryState.DELIVERED] * 3


@pytest.mark.parametrize("fate", ["sent", "pending"])
async def test_an_sms_that_never_arrives_stays_sent(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone, fate: Any
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        phone.fate = fate
        await way.deliver(make_message())
        await way.context.clock.sleep(3600)
        assert (await way.follow(make_message().key)).state is DeliveryState.SENT


async def test_an_sms_that_the_phone_gave_up_wants_a_new_key(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        phone.fate = "failed"
        await way.deliver(make_message())
        await way.context.clock.sleep(2)
        raised = await failure(way.follow(make_message().key))
        assert isinstance(raised, TransientDeliveryError)
        assert raised.resend_as_new
        assert "RESULT_ERROR_NO_SERVICE" in str(raised)
        phone.fate = "delivered"
        await way.deliver(make_message(key="anew", attempt=2))
        await way.context.clock.sleep(5)
        assert (await way.follow("anew")).state is DeliveryState.DELIVERED


async def test_a_phone_that_lost_its_memory_is_asked_anew(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        await way.deliver(make_message())
        phone.forget()
        raised = await failure(way.follow(make_message().key))
    assert isinstance(raised, TransientDeliveryError)
    assert raised.resend_as_new


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("Pending", DeliveryState.SENT),
        ("Processed", DeliveryState.SENT),
        ("Sent", DeliveryState.SENT),
        ("Cancelling", DeliveryState.SENT),
        ("SomethingNew", DeliveryState.SENT),
        ("Delivered", DeliveryState.DELIVERED),
    ],
)
async def test_every_state_of_the_app_is_known(
    way_to: WayTo, raw_server: RawServer, state: str, outcome: DeliveryState
) -> None:
    body = json.dumps({"id": "k", "state": state}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with raw_server(answer) as port, way_to(f"http://127.0.0.1:{port}") as way:
        assert (await way.follow("k")).state is outcome


async def test_an_sms_cancelled_on_the_phone_is_not_sent_behind_its_owners_back(
    way_to: WayTo, raw_server: RawServer
) -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"state":"Cancelled"}'
    async with raw_server(answer) as port, way_to(f"http://127.0.0.1:{port}") as way:
        with pytest.raises(PermanentDeliveryError, match="cancelled it on the phone"):
            await way.follow("k")


@pytest.mark.parametrize("fault", ["refuse", "hang", "reset", "reset_in_reply", "captive", "status"])
async def test_not_being_able_to_ask_says_nothing_about_the_sms(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone, fault: str
) -> None:
    async with make_phone() as phone, way_to(phone.url) as way:
        await way.deliver(make_message())
        phone.fault = Fault.model_validate({"kind": fault})
        raised = await failure(way.follow(make_message().key))
    assert isinstance(raised, TransientDeliveryError)
    assert not raised.resend_as_new


async def test_a_password_changed_meanwhile_says_nothing_about_the_sms(
    way_to: WayTo, make_phone: MakePhone
) -> None:
    async with make_phone() as phone, way_to(phone.url, password="battery staple") as way:
        raised = await failure(way.follow("k"))
    assert isinstance(raised, TransientDeliveryError)
    assert "HTTP 401" in str(raised)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "state", "recipients", "error", "message"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    status=st.sampled_from([200, 202, 204, 304, 400, 404, 409, 500]),
    body=JSON.map(json.dumps).map(str.encode) | st.binary(max_size=100),
)
async def test_no_answer_whatever_makes_anything_but_what_the_courier_expects(
    make_message: MakeMessage, way_to: WayTo, raw_server: RawServer, status: int, body: bytes
) -> None:
    answer = b"HTTP/1.1 %d Some\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
    async with raw_server(answer) as port, way_to(f"http://127.0.0.1:{port}") as way:
        for attempt in (way.deliver(make_message()), way.follow("k")):
            try:
                outcome = await attempt
            except (TransientDeliveryError, PermanentDeliveryError):
                continue
            assert isinstance(outcome, Receipt | DeliveryState)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"to": "0612345678"}, "to"),
        ({"to": "15"}, "to"),
        ({"to": "+33"}, "to"),
        ({"url": "192.168.1.20:8080"}, "url"),
        ({"sim": 0}, "sim"),
        ({"sim": 4}, "sim"),
        ({"username": "a:b"}, "username"),
        ({"secret": "My Password!"}, "secret"),
        ({"password": "hunter2"}, "password"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**change)
    assert [mistake["loc"] for mistake in caught.value.errors()] == [(where,)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/"])
async def test_a_slash_at_the_end_of_the_url_does_not_matter(
    make_message: MakeMessage, way_to: WayTo, make_phone: MakePhone, url: str
) -> None:
    async with make_phone() as phone, way_to(url.format(phone.port)) as way:
        await way.deliver(make_message())
    assert len(phone.received) == 1
