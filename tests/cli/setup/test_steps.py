"""The steps of the setup one by one: what goes wrong in them, and what becomes of it."""

import shutil
import tomllib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.cli.setup import channels, gateways, proving, radio
from flicbridge.cli.setup.private import write_private
from flicbridge.cli.setup.site import Site
from flicbridge.press.power import Cycled
from flicbridge.simulator.gateways import FakeHttp, FakePhone, Fault
from flicbridge.transport.signature import read_keys

pytest.importorskip("bumble", reason="needs the extra `simulator`")

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLUGIN = Path(__file__).parents[3] / "examples" / "plugin" / "flicbridge_transport_logfile.py"


class Person(Protocol):
    site: Site
    shown: str


type Typing = Callable[..., Person]


class World(Protocol):
    def open(self, make: Callable[[], Any]) -> Any: ...
    def call(self, work: Callable[[], Any]) -> Any: ...


def raw(site: Site) -> dict[str, Any]:
    return tomllib.loads(site.draft.path.read_text(encoding="utf-8"))


def add(site: Site, channel: dict[str, Any], *, secret: str = "", agreed: bool = True) -> None:
    """Settings with one recipient, as far as step 5 wants them."""
    site.draft.put("recipients", 0, value={"name": "hub", "channels": [channel]})
    site.draft.put("plan", 0, value={"after": "0s", "notify": ["hub"]})
    if agreed:
        site.draft.put("alerts", "test_notify", value=["hub"])
    if secret:
        write_private(site.secrets / channel["secret"], secret)


# ---- the radio


@asynccontextmanager
async def dark_room(settings: object, *, clock: Any, observe: Any) -> AsyncGenerator[Any]:
    """A real radio over an adapter that is switched off."""
    from flicbridge.simulator.room import simulated_radio
    from flicbridge.simulator.world import VirtualWorld

    async with VirtualWorld() as world:
        await world.radio.power(False)
        async with simulated_radio(world, {}, clock=clock, observe=observe) as room:
            yield room


@pytest.mark.usefixtures("leaping")
@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        (Cycled.NO_ADAPTER, "There is no Bluetooth adapter: plug one in"),
        (Cycled.SWITCHED_OFF, "`bluetoothctl power on`"),
        (Cycled.REFUSED, "usermod -aG bluetooth"),
        (Cycled.NO_BUS, "systemctl start dbus"),
        (Cycled.NO_SERVICE, "systemctl enable --now bluetooth"),
        (Cycled.NO_ANSWER, "systemctl restart bluetooth"),
    ],
)
def test_a_radio_that_does_not_work_is_told_with_its_remedy(
    person: Typing, monkeypatch: pytest.MonkeyPatch, why: Cycled, remedy: str
) -> None:
    async def examined() -> Cycled:
        return why

    monkeypatch.setattr("flicbridge.room.open_room", dark_room)
    monkeypatch.setattr("flicbridge.press.power.examine", examined)
    monkeypatch.setattr("sys.platform", "linux")
    somebody = person("y", "n")
    somebody.site.draft.put("radio", "simulated", value=False)
    radio.check_radio(somebody.site)
    assert somebody.shown.count(remedy) == 2, "it was tried again"
    assert "Without a radio no button is heard." in somebody.shown
    found = somebody.site.evidence.read().radio
    assert found is not None
    assert not found.works
    assert found.detail


@pytest.mark.usefixtures("leaping")
def test_a_radio_that_works_is_noted(person: Typing) -> None:
    somebody = person()
    radio.check_radio(somebody.site)
    found = somebody.site.evidence.read().radio
    assert found is not None
    assert found.works


# ---- the channels


@pytest.mark.real_time
def test_a_wrong_password_is_corrected_and_the_channel_proven(person: Typing, world: World) -> None:
    phone: FakePhone = world.open(lambda: FakePhone(password="right"))
    channel = {"transport": "smsgate", "url": phone.url, "secret": "pw", "to": "+33687654321", "sim": 2}
    somebody = person("y", "2", "", "", "", "right", "y")
    add(somebody.site, channel, secret="wrong")
    proving.prove_channel(somebody.site, 0, 0)
    assert "It failed after" in somebody.shown
    assert raw(somebody.site)["recipients"][0]["channels"] == [channel], "with what was written by hand"
    proof = somebody.site.evidence.read().channels["hub/0"]
    assert (proof.outcome, proof.seen) == ("delivered", True)
    proving.prove_channel(somebody.site, 0, 0)
    assert "hub/0: proven already." in somebody.shown


@pytest.mark.real_time
def test_a_channel_that_fails_is_not_called_proven(person: Typing, world: World) -> None:
    hook: FakeHttp = world.open(lambda: FakeHttp(secret=KEY))
    hook.fault = Fault(kind="status", status=410)
    somebody = person("y", "1", "3")
    add(somebody.site, {"transport": "http", "url": hook.url, "secret": "k"}, secret=KEY)
    proving.prove_channel(somebody.site, 0, 0)
    assert hook.attempts == 2
    assert "hub/0 is NOT PROVEN." in somebody.shown
    proof = somebody.site.evidence.read().channels["hub/0"]
    assert proof.outcome == "failed"
    assert "410" in proof.detail


@pytest.mark.real_time
def test_a_message_that_nobody_saw_proves_nothing(person: Typing, world: World) -> None:
    hook: FakeHttp = world.open(lambda: FakeHttp(secret=KEY))
    somebody = person("y", "n", "3")
    add(somebody.site, {"transport": "http", "url": hook.url, "secret": "k"}, secret=KEY)
    proving.prove_channel(somebody.site, 0, 0)
    proof = somebody.site.evidence.read().channels["hub/0"]
    assert (proof.outcome, proof.seen) == ("sent", False)
    assert "hub/0 is NOT PROVEN." in somebody.shown


@pytest.mark.real_time
def test_another_address_is_another_channel_and_must_be_proven_again(person: Typing, world: World) -> None:
    hook: FakeHttp = world.open(lambda: FakeHttp(secret=KEY))
    somebody = person("y", "y", "n")
    add(somebody.site, {"transport": "http", "url": hook.url, "secret": "k"}, secret=KEY)
    proving.prove_channel(somebody.site, 0, 0)
    somebody.site.draft.put("recipients", 0, "channels", 0, "url", value=f"{hook.url}/other")
    proving.prove_channel(somebody.site, 0, 0)
    assert somebody.site.evidence.read().channels["hub/0"].outcome == "skipped"


def test_a_channel_whose_secret_is_gone_fails_with_the_remedy(person: Typing) -> None:
    somebody = person("y", "3")
    add(somebody.site, {"transport": "http", "url": "http://127.0.0.1:9", "secret": "gone"})
    proving.prove_channel(somebody.site, 0, 0)
    assert "Write it to" in somebody.shown


def test_a_signing_key_is_made_and_its_place_told(person: Typing) -> None:
    somebody = person("https://alertes.example.fr/hook", "")
    channel = gateways.ask_until_sound(somebody.site, "http", "hub", 0, {})
    assert channel == {"transport": "http", "url": "https://alertes.example.fr/hook", "secret": "hub-http"}
    key = (somebody.site.secrets / "hub-http").read_text(encoding="ascii").strip()
    assert len(read_keys(key)[0]) >= 24
    assert key not in somebody.shown
    assert "secrets/hub-http" in somebody.shown


def test_a_key_that_is_none_is_asked_for_again(person: Typing) -> None:
    url = "https://alertes.example.fr/hook"
    somebody = person(url, "not a key", "", KEY)
    gateways.ask_until_sound(somebody.site, "http", "hub", 0, {})
    assert (somebody.site.secrets / "hub-http").read_text(encoding="ascii").strip() == KEY
    assert "not a key" not in somebody.shown


def test_mail_without_encryption_goes_no_further_than_this_machine(person: Typing) -> None:
    mail = ["a@example.fr", "b@example.fr"]
    somebody = person(*mail, "smtp.example.fr", "3", "", "", *["", ""], "", "1", "587", "martin", "geheim")
    channel = gateways.ask_until_sound(somebody.site, "email", "samu", 1, {})
    assert "without encryption anybody could read it" in somebody.shown.lower()
    assert channel == {
        "transport": "email",
        "host": "smtp.example.fr",
        "username": "martin",
        "secret": "samu-email-2",
        "from": "b@example.fr",
        "to": "a@example.fr",
    }


def test_a_plugin_is_asked_for_what_it_cannot_do_without(
    person: Typing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages = tmp_path / "site"
    facts = site_packages / "logfile-1.0.dist-info"
    facts.mkdir(parents=True)
    shutil.copy(PLUGIN, site_packages)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: logfile\nVersion: 1.0\n", encoding="ascii")
    entry = "[flicbridge.transports]\nlogfile = flicbridge_transport_logfile:LogfileTransport\n"
    (facts / "entry_points.txt").write_text(entry, encoding="ascii")
    monkeypatch.syspath_prepend(site_packages)
    somebody = person("/tmp/alerts.log")
    assert gateways.kinds()[:3] == ["smsgate", "email", "http"]
    assert "logfile" in gateways.kinds()
    channel = gateways.ask_until_sound(somebody.site, "logfile", "hub", 0, {})
    assert channel == {"transport": "logfile", "path": "/tmp/alerts.log"}


def test_a_second_way_to_a_recipient_is_added_to_the_first(person: Typing) -> None:
    somebody = person("y", "hub", "3", "https://b.example.fr", KEY, "", "", "n")
    add(
        somebody.site,
        {"transport": "http", "url": "https://a.example.fr", "secret": "k"},
        secret=KEY,
        agreed=False,
    )
    somebody.site.draft.put("maintainer", "notify", value=["hub"])
    answers = ("", *["y", "hub", "3", "https://b.example.fr", KEY], "", "")
    somebody = person(*answers)
    channels.ask_channels(somebody.site)
    (hub,) = raw(somebody.site)["recipients"]
    assert [channel["url"] for channel in hub["channels"]] == ["https://a.example.fr", "https://b.example.fr"]
    assert [channel["secret"] for channel in hub["channels"]] == ["k", "hub-http-2"]
    assert raw(somebody.site)["plan"] == [{"after": "0s", "notify": ["hub"]}]


def test_a_recipient_that_an_interrupted_run_left_out_of_the_plan_is_asked_for(person: Typing) -> None:
    somebody = person("n", "n", "2")
    somebody.site.draft.put("recipients", 0, value={"name": "hub", "channels": []})
    channels.ask_channels(somebody.site)
    assert raw(somebody.site)["plan"] == [{"after": "0s", "notify": ["hub"]}]
