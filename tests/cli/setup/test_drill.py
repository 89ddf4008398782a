"""A test message over a real transport: what it says, and what is told of it."""

from pathlib import Path

import pytest

from flicbridge.cli.setup.drill import FOLLOW_S, Result, send_drill
from flicbridge.config import Settings
from flicbridge.credentials import Credentials
from flicbridge.simulator.gateways import FakePhone, FakeSmtp, Fault
from flicbridge.transport.registry import read_channel

RAW = {
    "bridge": {"id": "tilleuls-1", "language": "fr"},
    "doctor": {"name": "Dr Anne Martin", "phone": "+33612345678"},
    "practice": {"name": "Cabinet des Tilleuls", "address": "12 rue des Tilleuls, 87000 Limoges"},
    "buttons": [{"name": "a", "family": "virtual", "gestures": {"single": "alert"}}],
    "recipients": [
        {"name": "hub", "channels": [{"transport": "email", "host": "a", "from": "a@b.fr", "to": "a@b.fr"}]}
    ],
    "plan": [{"after": "0s", "notify": ["hub"]}],
}


async def drill(folder: Path, channel: dict[str, object]) -> tuple[Result, list[float]]:
    """Send one; return what came of it, and when it was said to be taken."""
    taken: list[float] = []
    variables = {"FLICBRIDGE_SECRET_PW": "right"}
    credentials = Credentials.beside(folder / "flicbridge.toml", variables)
    settings = Settings.read(RAW, folder)
    return await send_drill(settings, "hub", read_channel(channel), credentials, taken.append), taken


def sms_to(phone: FakePhone) -> dict[str, object]:
    return {"transport": "smsgate", "url": phone.url, "secret": "pw", "to": "+33687654321"}


async def test_a_mail_says_in_its_first_words_that_it_is_a_drill(tmp_path: Path) -> None:
    async with FakeSmtp() as post:
        channel = {"transport": "email", "host": "127.0.0.1", "port": post.port, "security": "none",
                   "from": "alerte@example.fr", "to": "garde@example.fr"}  # fmt: skip
        result, taken = await drill(tmp_path, channel)
    assert result.error == ""
    assert result.delivered_s is None, "no mail server tells"
    assert taken == [result.took_s]
    (mail,) = post.received
    assert mail.message["Subject"].startswith("EXERCICE")
    assert "Dr Anne Martin" in mail.message.get_content()


async def test_an_sms_is_followed_to_the_handset(tmp_path: Path) -> None:
    async with FakePhone(password="right") as phone:
        result, _ = await drill(tmp_path, sms_to(phone))
    assert result.error == ""
    assert result.delivered_s is not None
    assert result.took_s < result.delivered_s < FOLLOW_S
    (sms,) = phone.received
    assert sms.text.startswith("EXERCICE")


async def test_an_sms_that_the_phone_gives_up_has_failed(tmp_path: Path) -> None:
    async with FakePhone(password="right") as phone:
        phone.fate = "failed"
        result, taken = await drill(tmp_path, sms_to(phone))
    assert "gave up" in result.error
    assert taken, "it had been taken first, and that was told"


async def test_an_sms_that_nobody_knows_more_of_is_only_sent(tmp_path: Path) -> None:
    async with FakePhone(password="right") as phone:
        phone.fate = "pending"
        result, _ = await drill(tmp_path, sms_to(phone))
    assert (result.error, result.delivered_s) == ("", None)


@pytest.mark.parametrize("kind", ["hang", "refuse", "reset"])
async def test_a_message_that_fails_is_not_repeated(tmp_path: Path, kind: str) -> None:
    async with FakePhone(password="right") as phone:
        phone.fault = Fault.model_validate({"kind": kind})
        result, taken = await drill(tmp_path, sms_to(phone))
        phone.fault = None
    assert result.error
    assert taken == []
    assert phone.received == []
    assert phone.attempts <= 1
