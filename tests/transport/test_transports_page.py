"""What `docs/transports.md` shows is what is sent, and its receiver takes what is ours and nothing else."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import pytest

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.clock import SystemClock
from flicbridge.errors import PermanentDeliveryError
from flicbridge.place.position import Position
from flicbridge.transport.answers import Ways
from flicbridge.transport.base import Context, Message
from flicbridge.transport.http import HttpOptions, HttpTransport, cloud_event
from flicbridge.transport.render import render

PAGE: Final = (Path(__file__).parents[2] / "docs" / "transports.md").read_text(encoding="utf-8")
LAST_LINE: Final = 'HTTPServer(("127.0.0.1", 8000), Receiver).serve_forever()\n'
KEY: Final = "whsec_c2hvcnQgYnV0IGxvbmcgZW5vdWdoIGZvciBhIGtleQ=="
ANOTHER_KEY: Final = "whsec_YW5vdGhlciBrZXkgdGhhdCBub2JvZHkgZXZlciBhZ3JlZWQgb24="
PRESSED_AT: Final = datetime(2026, 11, 24, 8, 41, 7, 250_000, tzinfo=UTC)

pytestmark = pytest.mark.real_time


def message() -> Message:
    """The alert of the page, in French."""
    practice = Practice(
        "Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2", "1er étage, code 4321"
    )
    alert = Alert(
        id=UUID("a9d2b1c0-0000-5000-8000-000000000001"),
        kind=AlertKind.EMERGENCY,
        bridge="tilleuls-1",
        button="poche",
        gesture="long",
        pressed_at=PRESSED_AT,
        received_at=PRESSED_AT + timedelta(milliseconds=40),
        was_queued=False,
        doctor=Doctor("Dr Anne Martin", "+33612345678"),
        practice=practice,
        position=Position(45.83362, 1.26105, 10, label="Cabinet 2"),
    )
    delivery = UUID("d0000000-0000-5000-8000-000000000001")
    return render(
        alert,
        Purpose.ALERT,
        0,
        key=str(delivery),
        delivery=delivery,
        recipient="samu",
        attempt=1,
        sent_at=PRESSED_AT + timedelta(milliseconds=50),
        expires_at=PRESSED_AT + timedelta(hours=24),
        language="fr",
        timezone="Europe/Paris",
        fresh_s=60.0,
        ways=Ways("K7Q3", "https://tilleuls.example.fr/a/..."),
    )


def block(mark: str) -> str:
    """What stands on the page between the fences after a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL)
    assert found is not None, mark
    return found[1]


def event(sent: Message) -> str:
    return json.dumps(json.loads(cloud_event(sent)), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("transport", "shown"),
    [
        ("http", event),
        ("email", lambda sent: f"{sent.subject}\n\n{sent.text.rstrip()}\n"),
        ("smsgate", lambda sent: f"{sent.sms}\n"),
    ],
)
def test_the_message_on_the_page_is_the_one_that_is_sent(
    transport: str, shown: Callable[[Message], str]
) -> None:
    assert block(f"example: {transport}") == shown(message())


@contextmanager
def receiver(monkeypatch: pytest.MonkeyPatch, *, ahead_s: float = 0.0) -> Iterator[str]:
    """The receiver of the page, on a free port; its last line is all that is not run as it stands there.

    Its clock is `ahead_s` ahead of ours.
    """
    monkeypatch.setenv("HUB_KEY", KEY)
    names: dict[str, Any] = {}
    source = block("receiver")
    assert source.endswith(LAST_LINE)
    exec(source.removesuffix(LAST_LINE), names)
    names["time"] = SimpleNamespace(time=lambda: SystemClock().now_at().timestamp() + ahead_s)
    with HTTPServer(("127.0.0.1", 0), names["Receiver"]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            server.shutdown()
            thread.join()


async def deliver(url: str, key: str, times: int = 1) -> None:
    options = HttpOptions.model_validate({"transport": "http", "url": url, "secret": "hub-key"})
    async with HttpTransport(options, Context(lambda _name: key, SystemClock(), "tilleuls-1")) as way:
        for _ in range(times):
            await way.deliver(message())


async def test_the_receiver_on_the_page_acts_once_upon_a_message_told_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiver(monkeypatch) as url:
        await deliver(url, KEY, times=2)
    told = capsys.readouterr().out
    assert told == "fr.flicbridge.emergency.raised {'name': 'Dr Anne Martin', 'phone': '+33612345678'}\n"


async def test_while_keys_change_it_takes_a_message_signed_with_both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiver(monkeypatch) as url:
        await deliver(url, f"{ANOTHER_KEY} {KEY}")
    assert "emergency.raised" in capsys.readouterr().out


async def test_it_believes_nobody_without_its_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiver(monkeypatch) as url, pytest.raises(PermanentDeliveryError, match="401"):
        await deliver(url, ANOTHER_KEY)
    assert capsys.readouterr().out == ""


async def test_it_believes_no_message_of_an_hour_ago(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replayed by somebody who recorded it: signed by us, and no longer true."""
    with receiver(monkeypatch, ahead_s=3600.0) as url, pytest.raises(PermanentDeliveryError, match="401"):
        await deliver(url, KEY)
    assert capsys.readouterr().out == ""
