"""Who stands in for the world outside, and that nothing of the installer's is left."""

import sys
from pathlib import Path

import pytest

from flicbridge.bridge import open_bridge
from flicbridge.clock import SystemClock
from flicbridge.config import check
from flicbridge.config.settings import Settings
from flicbridge.simulator.certificate import HOST
from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp
from flicbridge.simulator.standins import standing_in

SETTINGS = """
[bridge]
id = "tilleuls-1"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"

[alerts]
duress_pin = "duress-pin"

[maintainer]
heartbeat = "heartbeat-url"

[api]
listen = "127.0.0.1:8600"
metrics_token = "metrics-token"

[[buttons]]
name = "bureau"
family = "virtual"
gestures = { single = "alert" }

[[recipients]]
name = "samu"
channels = [
  { transport = "http", url = "https://alertes.example.fr/hook", secret = "hub-key" },
  { transport = "email", host = "smtp.example.fr", from = "a@example.fr", to = "b@example.fr" },
  { transport = "smsgate", url = "http://192.168.1.20:8080", secret = "phone", to = "+33687654321" },
]

[[plan]]
after = "0s"
notify = ["samu"]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return check(SETTINGS, tmp_path / "practice.toml", None)


async def test_every_channel_leads_to_a_gateway_of_its_kind_on_this_machine(
    settings: Settings, tmp_path: Path
) -> None:
    async with standing_in(settings, tmp_path, SystemClock()) as cast:
        kinds = [type(standin.gateway) for standin in cast.standins.values()]
        ways = [options.reach() for options in cast.settings.recipients[0].channels]
    assert kinds == [FakeHttp, FakeSmtp, FakePhone]
    assert [(way and way.host, way and way.line) for way in ways] == [
        (HOST, "tls"),
        (HOST, "starttls"),
        (HOST, "plain"),
    ]


async def test_without_the_package_of_the_mail_server_a_webhook_takes_its_place(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flicbridge.simulator.gateways.smtp", None)
    async with standing_in(settings, tmp_path, SystemClock()) as cast:
        stopgaps = [standin.is_stopgap for standin in cast.standins.values()]
        mail = cast.settings.recipients[0].channels[1]
    assert stopgaps == [False, True, False]
    assert mail.transport == "http"


async def test_a_bridge_of_theirs_asks_for_no_secret_of_the_installers_and_calls_nobody_outside(
    settings: Settings, tmp_path: Path
) -> None:
    clock = SystemClock()
    async with (
        standing_in(settings, tmp_path, clock) as cast,
        open_bridge(cast.settings, cast.secrets, clock=clock) as bridge,
    ):
        assert cast.settings.maintainer.heartbeat is None
        assert not bridge.is_pin("")
