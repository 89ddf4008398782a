"""Why a channel does not work, as the setup says it; each reason comes from the transport that met it."""

import socket
from pathlib import Path
from typing import Any

import pytest

from flicbridge.cli.setup.drill import send_drill
from flicbridge.cli.setup.reasons import KNOWN, worded
from flicbridge.config import Settings
from flicbridge.credentials import Credentials
from flicbridge.simulator.certificate import Authority
from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp, Fault
from flicbridge.transport.registry import read_channel
from flicbridge.transport.signature import read_keys

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MAIL = {"transport": "email", "security": "none", "from": "alerte@example.fr", "to": "garde@example.fr"}
RAW = {
    "bridge": {"id": "tilleuls-1", "language": "fr"},
    "doctor": {"name": "Dr Anne Martin", "phone": "+33612345678"},
    "practice": {"name": "Cabinet des Tilleuls", "address": "12 rue des Tilleuls, 87000 Limoges"},
    "buttons": [{"name": "a", "family": "virtual", "gestures": {"single": "alert"}}],
    "recipients": [{"name": "hub", "channels": [{**MAIL, "host": "127.0.0.1"}]}],
    "plan": [{"after": "0s", "notify": ["hub"]}],
}


async def reason(folder: Path, channel: dict[str, Any]) -> str:
    """Why a message over this channel does not arrive."""
    credentials = Credentials.beside(folder / "flicbridge.toml", {"FLICBRIDGE_SECRET_PW": KEY})
    options = read_channel(channel)
    result = await send_drill(Settings.read(RAW, folder), "hub", options, credentials, lambda _: None)
    assert result.error
    return result.error


def to(url: str) -> dict[str, Any]:
    return {"transport": "http", "url": url, "secret": "pw"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "the user name, password or key is not the one that is expected there"),
        (403, "access is denied there (HTTP 403)"),
        (404, "nothing is at this address (HTTP 404)"),
        (410, "refused by the other side (HTTP 410)"),
        (503, "the other side is in trouble itself (HTTP 503)"),
    ],
)
async def test_an_answer_that_is_a_no_is_said_with_what_to_look_at(
    tmp_path: Path, status: int, said: str
) -> None:
    async with FakeHttp() as hook:
        hook.fault = Fault(kind="status", status=status)
        assert worded(await reason(tmp_path, to(hook.url)), str).startswith(said)


async def test_a_wrong_password_of_the_phone_is_said_as_that(tmp_path: Path) -> None:
    async with FakePhone(password="another") as phone:
        channel = {"transport": "smsgate", "url": phone.url, "secret": "pw", "to": "+33687654321"}
        assert "password" in worded(await reason(tmp_path, channel), str)
        phone.fault = Fault(kind="captive")
        assert "a web page answered" in worded(await reason(tmp_path, channel), str)


async def test_a_phone_that_cannot_send_is_said_as_that(tmp_path: Path) -> None:
    async with FakePhone(password=KEY) as phone:
        phone.fate = "failed"
        channel = {"transport": "smsgate", "url": phone.url, "secret": "pw", "to": "+33687654321"}
        assert "the phone took the message and could not send it" in worded(
            await reason(tmp_path, channel), str
        )


async def test_silence_and_closed_doors_are_said_as_that(tmp_path: Path) -> None:
    async with FakeHttp() as hook:
        hook.fault = Fault(kind="hang")
        assert worded(await reason(tmp_path, {**to(hook.url), "timeout": "2s"}), str).startswith(
            "no answer within "
        )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for closed in (to(f"http://127.0.0.1:{port}"), {**MAIL, "host": "127.0.0.1", "port": port}):
        assert "nobody answers at this address and port" in worded(await reason(tmp_path, closed), str)


async def test_a_name_that_nobody_has_is_said_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    said = worded(await reason(tmp_path, to("http://nobody.example.fr")), str)
    assert said == "there is no server of this name: is it right?"


async def test_a_certificate_of_somebody_else_is_said_as_that(tmp_path: Path) -> None:
    async with FakeHttp(tls=Authority(tmp_path).tls) as hook:
        assert "the certificate of the server is not trusted" in worded(
            await reason(tmp_path, to(hook.url)), str
        )


async def test_what_is_no_mail_server_is_said_as_that(tmp_path: Path) -> None:
    async with FakeSmtp() as post:
        post.fault = Fault(kind="captive")
        said = worded(await reason(tmp_path, {**MAIL, "host": "127.0.0.1", "port": post.port}), str)
    assert said == "what answered is no mail server: are host and port right?"


@pytest.mark.parametrize("key", ["whsec_c2hvcnQ=", "not a key"])
def test_a_key_that_is_none_is_said_without_programs_and_base64(key: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as raised:
        read_keys(key)
    assert worded(str(raised.value), str).startswith("this is no signing key")


def test_a_reason_that_nobody_knows_is_shown_as_it_came() -> None:
    assert worded("the goat ate the cable", str) == "the goat ate the cable"
    assert worded("", str) == ""


def test_what_is_said_needs_nothing_that_its_pattern_does_not_find() -> None:
    """A translation with another blank would break the moment it is needed."""
    for pattern, text in KNOWN:
        assert {name for name in ("code", "seconds") if f"{{{name}}}" in text} == {
            name for name in ("code", "seconds") if f"?P<{name}>" in pattern
        }
