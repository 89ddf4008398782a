"""E-mail: encrypted, recognisable as the same mail on every retry, and honest about what became of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flicbridge.alert.alert import DeliveryState
from flicbridge.errors import ConfigError, DeliveryError, PermanentDeliveryError, TransientDeliveryError
from flicbridge.simulator.gateways import FakeSmtp, Fault
from flicbridge.transport.base import Context, Message, Receipt
from flicbridge.transport.email import EmailOptions, EmailTransport, compose

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]
type MakeTls = Callable[..., ssl.SSLContext]
type WayTo = Callable[..., EmailTransport]

TIMEOUT_S = 5.0
SENDER = "cabinet@example.org"


def options(**more: Any) -> EmailOptions:
    table = {"transport": "email", "host": "localhost", "from": SENDER, "to": "garde@example.org", **more}
    return EmailOptions.model_validate({key: value for key, value in table.items() if value is not None})


@pytest.fixture
def way_to(make_context: MakeContext) -> WayTo:
    """Make the transport to a server on this machine, inside of the test, where the loop runs."""

    def make(server: FakeSmtp | int, **more: Any) -> EmailTransport:
        port = server if isinstance(server, int) else server.port
        more = {"security": "none", "timeout": "5s", **more}
        return EmailTransport(options(port=port, **more), make_context({"box": "correct horse"}))

    return make


async def failure(attempt: Any) -> DeliveryError:
    """The error that an attempt ends with, which has to come within the channel's timeout."""
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(DeliveryError) as caught:
        await attempt
    assert asyncio.get_running_loop().time() - began_s < TIMEOUT_S + 0.5
    return caught.value


async def test_a_mail_arrives_as_it_was_meant(make_message: MakeMessage, way_to: WayTo) -> None:
    message = make_message()
    async with FakeSmtp() as server, way_to(server, to=["garde@example.org", "samu@example.fr"]) as way:
        receipt = await way.deliver(message)
    assert receipt == Receipt(state=DeliveryState.SENT, detail="accepted")
    (mail,) = server.received
    assert (mail.sender, mail.recipients) == (SENDER, ("garde@example.org", "samu@example.fr"))
    assert mail.message["From"] == SENDER
    assert mail.message["To"] == "garde@example.org, samu@example.fr"
    assert mail.message["Subject"] == message.subject
    assert mail.message.get_content().splitlines() == message.text.splitlines()
    assert parsedate_to_datetime(mail.message["Date"]) == message.sent_at.replace(microsecond=0)
    assert mail.message["Message-ID"] == f"<{message.key}@example.org>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Importance"] == "high"
    assert mail.message["X-Priority"] == "1"


@given(subject=st.text(), text=st.text(), key=st.from_regex(r"\A[\x21-\x7e]{1,64}\Z"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mail_is_plain_ascii_on_the_wire_whatever_it_says(
    make_message: MakeMessage, subject: str, text: str, key: str
) -> None:
    wire = compose(make_message(subject=subject, text=text, key=key), options()).as_bytes()
    assert wire.isascii()
    head, _, _ = wire.partition(b"\r\n\r\n")
    assert len(head.split(b"\r\nSubject:")) <= 2  # nothing in a subject can become another header
    assert {
        line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))
    } <= {
        *(
            b"From",
            b"To",
            b"Subject",
            b"Date",
            b"Message-ID",
            b"Auto-Submitted",
            b"Importance",
            b"X-Priority",
        ),
        *(b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version"),
    }


def test_the_message_id_is_that_of_the_key_on_every_retry_and_no_other(make_message: MakeMessage) -> None:
    def message_id(**changes: Any) -> str:
        return str(compose(make_message(**changes), options())["Message-ID"])

    assert message_id() == message_id(attempt=9, text="3 minutes old", subject="Late")
    assert message_id() != message_id(key="another")


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_the_line_is_encrypted_and_the_server_proves_who_it_is(
    make_message: MakeMessage, way_to: WayTo, make_tls: MakeTls, ca_file: Path, security: Any
) -> None:
    login = {"username": "box", "secret": "box"}
    good, bad = make_tls("localhost"), make_tls("other.example.fr")
    async with FakeSmtp(security=security, tls=good, login=("box", "correct horse")) as server:
        async with way_to(server, security=security, ca_file=ca_file, **login) as way:
            await way.deliver(make_message())
        async with way_to(server, security=security, **login) as way:
            raised = await failure(way.deliver(make_message()))
        assert isinstance(raised, TransientDeliveryError)
        assert "certificate is not trusted (unable to get local issuer" in str(raised)
    async with FakeSmtp(security=security, tls=bad, login=("box", "correct horse")) as impostor:
        async with way_to(impostor, security=security, ca_file=ca_file, **login) as way:
            raised = await failure(way.deliver(make_message()))
        assert "certificate is not trusted (Hostname mismatch" in str(raised)
    (mail,) = server.received
    assert (mail.encrypted, mail.login) == (True, "box")
    assert impostor.received == []


async def test_without_starttls_nothing_is_said_in_the_clear(
    make_message: MakeMessage, way_to: WayTo
) -> None:
    login = {"username": "box", "secret": "box"}
    async with FakeSmtp() as server, way_to(server, security="starttls", **login) as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert str(raised) == "failed at encrypting: SMTP STARTTLS extension not supported by server."
    assert server.received == []


@pytest.mark.parametrize(
    ("fault", "error", "may_have_arrived", "why"),
    [
        (Fault(kind="refuse"), TransientDeliveryError, False, "failed at connecting: Connection refused"),
        (Fault(kind="hang"), TransientDeliveryError, False, "no answer within 5 s (at: greeting)"),
        (Fault(kind="slow"), TransientDeliveryError, True, "no answer within 5 s (at: content)"),
        (Fault(kind="reset"), TransientDeliveryError, False, "failed at greeting: Connection reset by peer"),
        (Fault(kind="reset_in_reply"), TransientDeliveryError, True, "failed at content"),
        (Fault(kind="drop_reply"), TransientDeliveryError, True, "failed at content"),
        (Fault(kind="captive"), TransientDeliveryError, False, "what answered is no mail server"),
        (Fault(kind="status", status=421), TransientDeliveryError, False, "recipient refused: SMTP 421"),
        (Fault(kind="status", status=450), TransientDeliveryError, False, "recipient refused: SMTP 450"),
        (Fault(kind="status", status=550), PermanentDeliveryError, False, "recipient refused: SMTP 550"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_every_fault_gets_the_right_error_in_time_and_the_retry_is_recognised(
    make_message: MakeMessage,
    way_to: WayTo,
    make_tls: MakeTls,
    ca_file: Path,
    security: Any,
    fault: Fault,
    error: type[DeliveryError],
    may_have_arrived: bool,
    why: str,
) -> None:
    tls = None if security == "none" else make_tls("localhost")
    line = {"security": security, "ca_file": ca_file}
    async with FakeSmtp(security=security, tls=tls) as server, way_to(server, **line) as way:
        server.fault = fault
        raised = await failure(way.deliver(make_message()))
        assert type(raised) is error
        assert why in str(raised)
        assert getattr(raised, "may_have_arrived", False) == may_have_arrived
        server.fault = None
        await way.deliver(make_message(attempt=2))
    assert len(server.received) == 1
    assert server.duplicates == may_have_arrived


async def test_a_refused_login_is_worth_another_try(make_message: MakeMessage, way_to: WayTo) -> None:
    login = {"username": "box", "secret": "box"}
    async with FakeSmtp(login=("box", "battery staple")) as server, way_to(server, **login) as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, TransientDeliveryError)
    assert str(raised) == "login refused: SMTP 535 5.7.8"


async def test_a_login_that_is_asked_for_and_not_given_is_for_a_person_to_mend(
    make_message: MakeMessage, way_to: WayTo
) -> None:
    async with FakeSmtp(login=("box", "correct horse")) as server, way_to(server) as way:
        raised = await failure(way.deliver(make_message()))
    assert isinstance(raised, PermanentDeliveryError)
    assert str(raised) == "sender refused: SMTP 530 5.7.0"


async def test_a_password_may_have_any_letters(make_message: MakeMessage, make_context: MakeContext) -> None:
    context = make_context({"box": "été à 50 €"})
    async with FakeSmtp(login=("boîte", "été à 50 €")) as server:
        table = options(port=server.port, security="none", username="boîte", secret="box")
        async with EmailTransport(table, context) as way:
            await way.deliver(make_message())
    assert server.received[0].login == "boîte"


TO = ["a@example.org", "b@example.org", "c@example.org"]


@pytest.mark.parametrize(
    ("refuses", "outcome"),
    [
        (
            {"b": "550 5.1.1 b@example.org: no such user"},
            "accepted for 2 of 3, refused for no. 2 (SMTP 550 5.1.1)",
        ),
        (
            {"a": "450 4.2.0 greylisted", "c": "554 no"},
            "accepted for 1 of 3, refused for no. 1 (SMTP 450 4.2.0), no. 3 (SMTP 554)",
        ),
    ],
)
async def test_a_mail_accepted_for_some_is_sent_and_tells_who_was_refused_by_position(
    make_message: MakeMessage, way_to: WayTo, refuses: dict[str, str], outcome: str
) -> None:
    replies = {f"{name}@example.org": reply for name, reply in refuses.items()}
    async with FakeSmtp(refuses=replies) as server, way_to(server, to=TO) as way:
        receipt = await way.deliver(make_message())
    assert receipt == Receipt(detail=outcome)
    assert server.received[0].recipients == tuple(address for address in TO if address not in replies)


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        (["550 no", "550 no", "554 no"], PermanentDeliveryError),
        (["550 no", "450 later", "550 no"], TransientDeliveryError),
        (["421 busy", "421 busy", "421 busy"], TransientDeliveryError),
        (["454 relay denied", "454 relay denied", "454 relay denied"], TransientDeliveryError),
    ],
)
async def test_a_mail_refused_for_all_is_given_up_only_if_nobody_may_take_it_later(
    make_message: MakeMessage, way_to: WayTo, replies: list[str], error: type[DeliveryError]
) -> None:
    async with FakeSmtp(refuses=dict(zip(TO, replies, strict=True))) as server, way_to(server, to=TO) as way:
        raised = await failure(way.deliver(make_message()))
    assert type(raised) is error
    assert "example.org" not in str(raised)


@asynccontextmanager
async def scripted(replies: Sequence[bytes | None]) -> AsyncIterator[int]:
    """A server that says its lines one by one, whatever it is told; None is silence, the end a close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number, reply in enumerate(replies):
                if number:
                    await reader.readuntil(b"\r\n.\r\n" if replies[number - 1] == b"354 go\r\n" else b"\r\n")
                if reply is None:
                    await reader.read()
                    break
                writer.write(reply)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


SCRIPT = [
    b"220 hi\r\n",
    b"250 hello\r\n",
    b"250 ok\r\n",
    b"250 ok\r\n",
    b"354 go\r\n",
    b"250 ok\r\n",
    b"221 bye\r\n",
]


@pytest.mark.parametrize(
    ("step", "reply", "error", "may_have_arrived"),
    [
        (0, b"554 no service here\r\n", TransientDeliveryError, False),
        (0, b"421 busy\r\n", TransientDeliveryError, False),
        (1, b"502 unknown\r\n", TransientDeliveryError, False),
        (2, b"451 later\r\n", TransientDeliveryError, False),
        (2, b"550 go away\r\n", PermanentDeliveryError, False),
        (4, b"451 later\r\n", TransientDeliveryError, False),
        (4, b"554 no\r\n", PermanentDeliveryError, False),
        (5, b"452 disk full\r\n", TransientDeliveryError, False),
        (5, b"554 5.7.1 spam\r\n", PermanentDeliveryError, False),
        (5, b"", TransientDeliveryError, True),
    ],
)
async def test_each_step_of_the_talk_has_its_verdict(
    make_message: MakeMessage,
    way_to: WayTo,
    step: int,
    reply: bytes,
    error: type[DeliveryError],
    may_have_arrived: bool,
) -> None:
    script = [*SCRIPT[:step], reply] if not reply else [*SCRIPT[:step], reply, *SCRIPT[-1:] * 2]
    async with scripted(script) as port, way_to(port) as way:
        raised = await failure(way.deliver(make_message()))
    assert type(raised) is error
    assert getattr(raised, "may_have_arrived", False) == may_have_arrived


@pytest.mark.parametrize(
    "ending", [[b"250 taken\r\n"], [b"250 taken\r\n", b"rubbish\r\n"], [b"250 taken\r\n", b"500 no\r\n"]]
)
async def test_a_server_that_parts_rudely_has_the_mail_all_the_same(
    make_message: MakeMessage, way_to: WayTo, ending: list[bytes]
) -> None:
    async with scripted([*SCRIPT[:5], *ending]) as port, way_to(port) as way:
        assert await way.deliver(make_message()) == Receipt(detail="accepted")


async def test_a_server_that_never_says_goodbye_holds_up_the_receipt_for_a_second_at_most(
    make_message: MakeMessage, way_to: WayTo
) -> None:
    loop = asyncio.get_running_loop()
    async with scripted([*SCRIPT[:6], None]) as port, way_to(port) as way:
        began_s = loop.time()
        assert await way.deliver(make_message()) == Receipt(detail="accepted")
        assert 0.9 < loop.time() - began_s < 1.5


REPLIES = st.one_of(
    st.builds(
        lambda code, more, text: f"{code}{more}{text}\r\n".encode(),
        st.sampled_from(["220", "250", "354", "421", "535", "550", "999", "2", ""]),
        st.sampled_from([" ", "-", ""]),
        st.text(max_size=20),
    ),
    st.binary(max_size=60),
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(good=st.integers(0, 6), rest=st.lists(REPLIES, max_size=6), login=st.booleans())
async def test_no_server_whatever_makes_anything_but_a_receipt_or_a_delivery_error(
    make_message: MakeMessage, way_to: WayTo, good: int, rest: list[bytes], login: bool
) -> None:
    hello = b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n" if login else SCRIPT[1]
    script = [SCRIPT[0], hello, *SCRIPT[2:]]
    more = {"username": "box", "secret": "box"} if login else {}
    async with scripted([*script[:good], *rest]) as port, way_to(port, **more) as way:
        try:
            receipt = await way.deliver(make_message())
        except (TransientDeliveryError, PermanentDeliveryError):
            return
        assert receipt.detail.startswith("accepted")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": ""}, "host"),
        ({"host": "mail example"}, "host"),
        ({"port": 0}, "port"),
        ({"security": "ssl"}, "security"),
        ({"to": []}, "to"),
        ({"to": "garde"}, "is no mail address; write it like"),
        ({"to": "garde@"}, "is no mail address"),
        ({"to": "Garde <garde@example.org>"}, "is no mail address"),
        ({"to": "a@example.org\r\nBcc: b@example.org"}, "is no mail address"),
        ({"to": ["garde@example.org", "x@@y"]}, "is no mail address"),
        ({"to": "garde@exämple.org"}, "letters that not every mail server takes"),
        ({"from": "cabinet"}, "is no mail address"),
        ({"username": "box"}, "username and secret go together"),
        ({"secret": "box"}, "username and secret go together"),
        ({"security": "none", "host": "mail.example.fr"}, "i_accept_cleartext = true"),
        ({"security": "none", "host": "192.168.1.1"}, "i_accept_cleartext = true"),
        ({"sender": "a@example.org"}, "sender"),
    ],
)
def test_options_that_cannot_work_are_refused_with_a_remedy(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        options(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"security": "none", "host": "127.0.0.1"},
        {"security": "none", "host": "127.9.9.9"},
        {"security": "none", "host": "::1"},
        {"security": "none", "host": "localhost"},
        {"security": "none", "host": "mail.example.fr", "i_accept_cleartext": True},
        {"to": ["a@example.org", "b+c@example.org", '"d e"@example.org']},
    ],
)
def test_options_that_can_work_are_taken(change: dict[str, Any]) -> None:
    assert options(**change).transport == "email"


async def test_a_secret_that_is_missing_stops_the_daemon(make_context: MakeContext) -> None:
    with pytest.raises(ConfigError, match="box"):
        EmailTransport(options(username="box", secret="box"), make_context({}))


async def test_a_bad_file_of_certificates_stops_the_daemon(make_context: MakeContext, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca\.pem.*cannot be read"):
        EmailTransport(options(ca_file=tmp_path / "ca.pem"), make_context({}))
