"""A bridge whose clock nobody has set: no time of 1970 is told as if it were true, nothing is given up."""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import trustme

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.clock import LoopClock, Uptime
from flicbridge.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from flicbridge.place.position import Position
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.texts import LANGUAGES
from flicbridge.transport.base import Context, Message
from flicbridge.transport.email import EmailOptions, compose
from flicbridge.transport.http import HttpOptions, HttpTransport
from flicbridge.transport.render import render

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]
type RawServer = Callable[..., Any]

SECRET = "whsec_" + base64.b64encode(b"the signing key of the hub, 32 b").decode()
IN_1970 = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)
RIGHT_AT = datetime(2026, 11, 22, 13, 2, 10, tzinfo=UTC)
UNDATED = Alert(
    id=UUID("0b0f7d5e-5f2a-5c55-9d1c-3f6a1c9a7b11"),
    kind=AlertKind.EMERGENCY,
    bridge="tilleuls-1",
    button="poche",
    gesture="long",
    pressed_at=IN_1970,
    received_at=IN_1970,
    was_queued=False,
    doctor=Doctor("Dr Anne Martin", "+33612345678"),
    practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges"),
    position=Position(45.83362, 1.26105, 12.0, age_s=900.0),
    received_up=Uptime("boot", 180.0),
)
EVERY_WAY = list(product(Purpose, LANGUAGES, AlertKind))


def rendered(
    alert: Alert, sent_at: datetime, sent_up: Uptime, purpose: Purpose = Purpose.ALERT, language: str = "fr"
) -> Message:
    return render(
        alert,
        purpose,
        1,
        key="the-key",
        delivery=UUID(int=2),
        recipient="samu",
        attempt=1,
        sent_at=sent_at,
        expires_at=sent_at + timedelta(days=1),
        language=language,
        timezone="Europe/Paris",
        fresh_s=120.0,
        occasion_at=sent_at,
        sent_up=sent_up,
    )


@pytest.mark.parametrize(("purpose", "language", "kind"), EVERY_WAY)
def test_no_text_tells_a_time_that_no_clock_knew(purpose: Purpose, language: str, kind: AlertKind) -> None:
    alert = replace(UNDATED, kind=kind)
    message = rendered(alert, IN_1970 + timedelta(seconds=8), Uptime("boot", 188.0), purpose, language)
    words = message.sms + message.subject + message.text
    assert "1970" not in words
    assert not re.search(r"\d\d:\d\d", words)


def test_the_age_is_told_where_the_machine_has_counted_it() -> None:
    message = rendered(UNDATED, IN_1970 + timedelta(seconds=8), Uptime("boot", 188.0))
    assert (message.data["age_s"], message.data["late"], message.data["clock_was_set"]) == (8, False, False)
    assert "8 s" in message.sms


@pytest.mark.parametrize("sent_at", [IN_1970 + timedelta(seconds=8), RIGHT_AT])
def test_an_age_that_nobody_counted_is_not_made_up(sent_at: datetime) -> None:
    message = rendered(UNDATED, sent_at, Uptime("another", 8.0))
    assert (message.data["age_s"], message.data["late"]) == (None, True)
    assert not re.search(r"\d+ (s|min|h|j)\b", message.sms.partition("06 12")[0])


def test_a_mail_of_an_unknown_date_lets_the_server_date_it(make_message: MakeMessage) -> None:
    people = {"from": "a@example.fr", "to": ["b@example.fr"]}
    options = EmailOptions.model_validate({"transport": "email", "host": "mail.example.fr", **people})
    assert "Date" not in compose(make_message(sent_at=IN_1970), options)
    assert "Date" in compose(make_message(), options)


def hook(context: Context, url: str, **more: Any) -> HttpTransport:
    table = {"transport": "http", "url": url, "secret": "hub-key", **more}
    return HttpTransport(HttpOptions.model_validate(table), context)


@pytest.mark.parametrize(
    ("wall_at", "error"), [(IN_1970, TransientDeliveryError), (RIGHT_AT, PermanentDeliveryError)]
)
async def test_a_refusal_without_a_date_is_only_final_when_our_clock_is_set(
    make_message: MakeMessage,
    make_context: MakeContext,
    raw_server: RawServer,
    wall_at: datetime,
    error: type[DeliveryError],
) -> None:
    clock = LoopClock(asyncio.get_running_loop(), wall_at=wall_at)
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    async with (
        raw_server(answer) as port,
        hook(make_context({"hub-key": SECRET}, clock), f"http://127.0.0.1:{port}/") as way,
    ):
        with pytest.raises(error):
            await way.deliver(make_message())


async def test_the_clock_of_a_receiver_is_still_right_after_ours_was_set(
    make_message: MakeMessage, make_context: MakeContext
) -> None:
    loop = asyncio.get_running_loop()
    right = LoopClock(loop, wall_at=RIGHT_AT)
    ours = LoopClock(loop, wall_at=IN_1970)
    async with (
        FakeHttp(secret=SECRET, clock=right) as hub,
        hook(make_context({"hub-key": SECRET}, ours), hub.url) as way,
    ):
        with pytest.raises(TransientDeliveryError):
            await way.deliver(make_message())
        ours.step((RIGHT_AT - IN_1970).total_seconds())
        await way.deliver(make_message(attempt=2))
        assert (len(hub.received), hub.forged) == (1, 1)


async def test_a_certificate_from_the_future_is_worth_another_try(
    make_message: MakeMessage, make_context: MakeContext, authority: trustme.CA, ca_file: Path
) -> None:
    """Which is what every certificate is to a clock that starts in 1970."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tomorrow = datetime.now(UTC) + timedelta(days=1)  # noqa: TID251 - by the clock that OpenSSL asks
    authority.issue_cert("127.0.0.1", not_before=tomorrow).configure_cert(tls)
    async with (
        FakeHttp(tls=tls) as hub,
        hook(make_context({"hub-key": SECRET}), hub.url, ca_file=ca_file) as way,
    ):
        with pytest.raises(TransientDeliveryError, match="not yet valid"):
            await way.deliver(make_message())
