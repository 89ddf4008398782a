"""Answers of helpers, and cancellations that may be forced: the whole bridge, with real receivers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from flicbridge.api.client import ApiClient
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.errors import ApiError
from flicbridge.house import Bridge
from flicbridge.simulator.gateways import FakeHttp, Fault
from flicbridge.simulator.gateways.phone import FakePhone

SAMU = "+33555000015"
PIN = "4711"

SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "state"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}

[alerts]
tell_doctor = ["doctor"]
{alerts}

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert", triple = "cancel" }}

[[recipients]]
name = "samu"
channels = [
  {{ transport = "http", url = "{hub}", secret = "hub-key" }},
  {{ transport = "smsgate", url = "{phone}", secret = "phone", to = "+33555000015" }},
]

[[recipients]]
name = "doctor"
channels = [ {{ transport = "http", url = "{doctor}", secret = "hub-key" }} ]

[[recipients]]
name = "colleague"
channels = [ {{ transport = "http", url = "{colleague}", secret = "hub-key" }} ]

[[plan]]
after = "0s"
notify = ["samu", "doctor"]

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["colleague"]

[api]
listen = "127.0.0.1:{port}"
public_url = "https://tilleuls.example.fr"
"""


@dataclass
class Practice:
    """A bridge that runs, and everybody it tells."""

    bridge: Bridge
    clock: LoopClock
    local: ApiClient
    port: int
    file: Path
    hub: FakeHttp
    phone: FakePhone
    doctor: FakeHttp
    colleague: FakeHttp

    async def press(self, gesture: str = "single") -> str:
        taken = await self.bridge.press("bureau", gesture)
        await self.clock.sleep(2.6)  # not the very moment at which anything else is due
        return str(taken.alert)

    def told(self, receiver: FakeHttp) -> list[str]:
        return [hook.event["data"]["purpose"] for hook in receiver.received]

    def link(self) -> str:
        """The link in the first message to the hub, as it is reached behind the proxy."""
        url: str = self.hub.received[0].event["data"]["answer_url"]
        assert url.startswith("https://tilleuls.example.fr/r/")
        return url.replace("https://tilleuls.example.fr", f"http://127.0.0.1:{self.port}")

    async def visit(self, method: str, url: str, **form: str) -> tuple[int, str]:
        headers = {"Host": "tilleuls.example.fr"}  # as a proxy passes it on
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, data=form or None, headers=headers) as response,
        ):
            return response.status, await response.text()

    async def state(self, alert: str) -> str:
        return str((await self.local.alert(alert))["state"])


@asynccontextmanager
async def practice_in(folder: Path, secret: str, port: int, alerts: str = "") -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop())
    (folder / "secrets").mkdir(mode=0o700, parents=True)
    for name, value in (("hub-key", secret), ("phone", "p"), ("duress-pin", PIN)):
        (folder / "secrets" / name).write_text(value)
        (folder / "secrets" / name).chmod(0o600)
    async with AsyncExitStack() as stack:
        hub, doctor, colleague = [
            await stack.enter_async_context(FakeHttp(secret=secret, clock=clock)) for _ in range(3)
        ]
        phone = await stack.enter_async_context(FakePhone(password="p", clock=clock))
        file = folder / "flicbridge.toml"
        urls = {"hub": hub.url, "doctor": doctor.url, "colleague": colleague.url, "phone": phone.url}
        file.write_text(SETTINGS.format(**urls, alerts=alerts, port=port))
        opening = open_bridge(load(file), Credentials.beside(file), clock=clock)
        bridge = await stack.enter_async_context(opening)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bridge.run())
            await bridge.ready.wait()
            local = ApiClient(folder / "state")
            yield Practice(bridge, clock, local, port, file, hub, phone, doctor, colleague)
            running.cancel()


@pytest.fixture
async def practice(tmp_path: Path, secret: str, unused_tcp_port: int) -> AsyncIterator[Practice]:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port) as opened:
        yield opened


# -- the link ------------------------------------------------------------------------------------------------


async def test_looking_at_the_link_changes_nothing_and_pressing_its_button_stops_escalation(
    practice: Practice,
) -> None:
    alert = await practice.press()
    status, page = await practice.visit("GET", practice.link())
    assert status == 200
    assert 'value="acknowledge"' in page
    assert "06 12 34 56 78" not in page  # no more than is needed to know which alert it is
    assert await practice.state(alert) == "notified"

    status, _ = await practice.visit("POST", practice.link(), answer="acknowledge")
    assert status == 200
    shown = await practice.local.alert(alert)
    assert shown["state"] == "acknowledged"
    assert shown["facts"]["acknowledged_by_person"]["by"] == "recipient:samu"
    assert shown["facts"]["acknowledged_by_person"]["way"] == "link"
    await practice.clock.sleep(120)
    assert practice.colleague.received == []


async def test_the_link_clears_the_doubt(practice: Practice) -> None:
    alert = await practice.press()
    await practice.visit("POST", practice.link(), answer="confirm")
    assert await practice.state(alert) == "confirmed"
    await practice.visit("POST", practice.link(), answer="false_alarm")
    facts = (await practice.local.alert(alert))["facts"]
    assert facts["doubt_cleared"]["what"] == "false_alarm"  # the last word counts
    assert facts["acknowledged_by_person"] is None  # one fact does not follow from another


@pytest.mark.parametrize("part", [3, 4, 5])
async def test_a_link_that_was_changed_leads_nowhere(practice: Practice, part: int) -> None:
    alert = await practice.press()
    parts = practice.link().split("/")
    parts[part + 1] = {3: "0" * 8 + alert[8:], 4: "colleague", 5: "A" * 24}[part]
    for method in ("GET", "POST"):
        status, page = await practice.visit(method, "/".join(parts), answer="acknowledge")
        assert status == 404
        assert alert not in page
    assert await practice.state(alert) == "notified"


async def test_a_link_ends_with_its_alert(practice: Practice) -> None:
    alert = await practice.press()
    await practice.local.move(alert, "close")
    assert (await practice.visit("GET", practice.link()))[0] == 404


async def test_nothing_else_is_served_without_the_token(practice: Practice) -> None:
    alert = await practice.press()
    base = f"http://127.0.0.1:{practice.port}"
    paths = [
        "/",
        "/v1/status",
        f"/v1/alerts/{alert}",
        "/r/",
        f"/r/{alert}",
        "/r/../v1/status",
        "/r/%2e%2e/v1/status",
    ]
    for path in paths:
        status, _ = await practice.visit("GET", base + path)
        assert status in (401, 403, 404), path
    plain = f"/r/{alert}/samu/{'A' * 24}/../../../../v1/alerts/{alert}/cancel"
    assert (await practice.visit("POST", base + plain))[0] in (401, 403, 404)
    assert await practice.state(alert) == "notified"


async def test_a_flood_of_bad_links_is_turned_away_and_locks_nobody_out(practice: Practice) -> None:
    await practice.press()
    bad = practice.link()[:-24] + "A" * 24
    answers = [(await practice.visit("GET", bad))[0] for _ in range(40)]
    assert answers[0] == 404
    assert answers[-1] == 429
    assert (await practice.visit("GET", practice.link()))[0] == 200


async def test_the_key_of_the_links_is_kept_for_the_owner_alone(practice: Practice) -> None:
    key = practice.file.parent / "state" / "answer-key"
    assert len(key.read_bytes()) == 32
    assert key.stat().st_mode & 0o777 == 0o600


# -- the reply -----------------------------------------------------------------------------------------------


def code_in(practice: Practice) -> str:
    found = re.search(r"OK ([A-Z0-9]{4})", practice.phone.received[0].text)
    assert found is not None, practice.phone.received[0].text
    return found[1]


async def test_a_reply_with_the_code_from_the_recipients_number_stops_escalation(practice: Practice) -> None:
    alert = await practice.press()
    practice.phone.receive("05 55 00 00 15", f"ok {code_in(practice).lower()}. On arrive !")
    await practice.clock.sleep(12)
    fact = (await practice.local.alert(alert))["facts"]["acknowledged_by_person"]
    assert (fact["by"], fact["way"]) == ("recipient:samu", "sms")
    assert fact["said_at"] < fact["at"]  # when it came in by the phone's clock, and when we learnt of it
    await practice.clock.sleep(120)
    assert practice.colleague.received == []
    assert len(practice.phone.received) == 1  # nobody is answered


@pytest.mark.parametrize(
    ("sender", "text"),
    [
        ("+33612345699", "OK {code}"),
        ("SAMU", "OK {code}"),
        (SAMU, "OK AAAA"),
        (SAMU, "bien recu, on arrive"),
    ],
)
async def test_nothing_else_is_an_answer_and_nobody_is_answered(
    practice: Practice, sender: str, text: str
) -> None:
    alert = await practice.press()
    practice.phone.receive(sender, text.format(code=code_in(practice)))
    await practice.clock.sleep(70)
    assert await practice.state(alert) == "notified"
    assert practice.told(practice.colleague) == ["alert"]
    assert len(practice.phone.received) == 1


async def test_a_reply_counts_once_however_often_it_is_read(practice: Practice) -> None:
    alert = await practice.press()
    practice.phone.receive(SAMU, f"OUI {code_in(practice)}")
    await practice.clock.sleep(12)
    practice.phone.receive(SAMU, f"FAUX {code_in(practice)}")
    await practice.clock.sleep(300)
    history = [event["what"] for event in (await practice.local.alert(alert))["history"]]
    assert history == ["raised", "notified", "confirmed", "false_alarm"]


async def test_once_it_is_a_false_alarm_nobody_else_is_alarmed(practice: Practice) -> None:
    practice.hub.fault = Fault(kind="status", status=503)
    alert = await practice.press()
    practice.phone.receive(SAMU, f"FAUX {code_in(practice)}")
    await practice.clock.sleep(12)
    assert await practice.state(alert) == "false_alarm"
    practice.hub.fault = None
    await practice.clock.sleep(120)
    assert practice.hub.received == practice.colleague.received == []
    rows = {row["channel"]: row["state"] for row in (await practice.local.alert(alert))["deliveries"]}
    assert (rows["samu/0"], rows["samu/1"], rows["colleague/0"]) == ("withdrawn", "delivered", "withdrawn")


async def test_the_doctors_own_device_is_told_that_somebody_is_on_it(practice: Practice) -> None:
    await practice.press()
    await practice.visit("POST", practice.link(), answer="acknowledge")
    await practice.clock.sleep(2)
    assert practice.told(practice.doctor) == ["alert", "answered"]
    assert practice.told(practice.hub) == ["alert"]
    assert practice.doctor.received[-1].event["data"]["by"] == "recipient:samu"


# -- the five facts ------------------------------------------------------------------------------------------


async def test_each_of_the_five_facts_has_a_time_of_its_own(practice: Practice) -> None:
    alert = await practice.press()
    await practice.clock.sleep(10)
    facts = (await practice.local.alert(alert))["facts"]
    assert facts["accepted_by_us"]["at"] <= facts["accepted_by_provider"]["at"]
    assert facts["accepted_by_provider"]["at"] < facts["delivered_to_handset"]["at"]
    assert facts["delivered_to_handset"]["channel"] == "samu/1"
    assert facts["delivered_to_handset"]["provider_at"] < facts["delivered_to_handset"]["at"]
    assert facts["acknowledged_by_person"] is facts["doubt_cleared"] is None


# -- under duress --------------------------------------------------------------------------------------------


async def test_a_cancellation_without_a_pin_says_who_and_how(practice: Practice) -> None:
    alert = await practice.press()
    await practice.local.move(alert, "cancel")
    await practice.clock.sleep(2)
    data = practice.hub.received[-1].event["data"]
    assert (data["purpose"], data["by"], data["way"]) == ("cancelled", "cli", "cli")
    await practice.clock.sleep(70)
    assert practice.colleague.received == []


DURESS = 'duress_pin = "duress-pin"'


async def test_the_code_is_shown_in_the_room_only_where_no_pin_is_asked(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    for alerts in ("", DURESS):
        async with practice_in(tmp_path / f"a{alerts}", secret, unused_tcp_port, alerts) as practice:
            alert = await practice.press()
            code = code_in(practice)
            assert (await practice.local.alert(alert))["code"] == ("" if alerts else code)
            assert (await practice.local.reveal(alert, PIN))["code"] == code
            assert (await practice.local.reveal(alert, "0000"))["code"] == ("" if alerts else code)


async def test_where_a_pin_is_asked_the_doctors_own_device_is_not_asked_for_an_answer(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    for alerts in ("", DURESS):
        async with practice_in(tmp_path / f"a{alerts}", secret, unused_tcp_port, alerts) as practice:
            await practice.press()
            assert practice.link()  # the helper is
            [told] = practice.doctor.received
            assert (told.event["data"]["answer_url"] is None) is bool(alerts)


@pytest.mark.parametrize("pin", ["0000", "", None])
async def test_a_forced_cancellation_lets_the_alert_go_on_and_tells_helpers(
    tmp_path: Path, secret: str, unused_tcp_port: int, pin: str | None
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        alert = await practice.press()
        await practice.local.move(alert, "cancel", pin=pin)
        await practice.clock.sleep(70)
        assert practice.told(practice.hub) == ["alert", "doubted"]
        assert practice.hub.received[-1].event["data"]["cancelled"] is False
        assert practice.told(practice.doctor) == ["alert", "cancelled"]  # the attacker may hold it
        assert practice.told(practice.colleague) == ["alert"]  # it goes on
        truth = await practice.local.reveal(alert, PIN)
        assert truth["state"] == "notified"
        assert [event["what"] for event in truth["history"]] == ["raised", "notified", "doubted"]
        assert await practice.local.reveal(alert, "0000") == await practice.local.alert(alert)


async def test_a_button_cannot_prove_who_pressed_it(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        alert = await practice.press()
        assert await practice.press("triple") == alert
        assert await practice.state(alert) == "cancelled"
        await practice.clock.sleep(70)
        assert practice.told(practice.hub) == ["alert", "doubted"]
        assert practice.hub.received[-1].event["data"]["way"] == "button"
        assert practice.told(practice.colleague) == ["alert"]


async def test_with_the_right_pin_a_mistyped_one_can_be_mended_and_the_room_sees_no_difference(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        alert = await practice.press()
        await practice.local.move(alert, "cancel", pin="4712")
        with pytest.raises(ApiError, match="cancelled"):
            await practice.local.move(alert, "cancel", pin=PIN)
        await practice.clock.sleep(70)
        assert practice.told(practice.hub) == ["alert", "doubted", "cancelled"]
        assert practice.colleague.received == []


async def test_pins_cannot_be_tried_out(tmp_path: Path, secret: str, unused_tcp_port: int) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        alert = await practice.press()
        await practice.local.move(alert, "cancel", pin="1")
        for pin in ("2", "3", PIN):
            with pytest.raises(ApiError, match="cancelled"):
                await practice.local.move(alert, "cancel", pin=pin)
        await practice.clock.sleep(70)
        assert practice.told(practice.hub) == ["alert", "doubted"]
        assert practice.told(practice.colleague) == ["alert"]


async def test_where_a_pin_is_asked_nobody_in_the_room_ends_an_alert_without_it(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        alert = await practice.press()
        for move in ("confirm", "false_alarm", "close"):
            with pytest.raises(ApiError):
                await practice.local.move(alert, move, pin=PIN)
        await practice.local.move(alert, "acknowledge")
        assert await practice.state(alert) == "acknowledged"  # as it looks
        await practice.clock.sleep(70)
        assert practice.told(practice.colleague) == ["alert"]


async def test_where_a_pin_is_asked_nothing_said_in_the_room_withdraws_what_still_waits(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        practice.hub.fault = practice.phone.fault = Fault(kind="status", status=503)
        alert = await practice.press()
        for move in ("false_alarm", "close"):
            with pytest.raises(ApiError):
                await practice.local.move(alert, move, pin="0000")
        await practice.local.move(alert, "cancel", pin="0000")
        with pytest.raises(ApiError):
            await practice.local.move(alert, "false_alarm")
        practice.hub.fault = practice.phone.fault = None
        await practice.clock.sleep(120)
        assert sorted(practice.told(practice.hub)) == ["alert", "doubted"]
        assert len(practice.phone.received) == 2
        assert practice.told(practice.colleague) == ["alert"]


async def test_a_helper_who_says_that_a_doubted_alert_is_a_false_alarm_is_believed(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        practice.hub.fault = Fault(kind="status", status=503)
        alert = await practice.press()
        await practice.local.move(alert, "cancel", pin="0000")
        practice.phone.receive(SAMU, f"FAUX {code_in(practice)}")
        await practice.clock.sleep(12)
        assert (await practice.local.reveal(alert, PIN))["state"] == "false_alarm"
        practice.hub.fault = None
        await practice.clock.sleep(120)
        assert "alert" not in practice.told(practice.hub)
        assert practice.colleague.received == []


async def test_a_helper_who_answers_a_doubted_alert_stops_escalation_and_the_room_does_not_see_it(
    tmp_path: Path, secret: str, unused_tcp_port: int
) -> None:
    async with practice_in(tmp_path / "a", secret, unused_tcp_port, DURESS) as practice:
        alert = await practice.press()
        await practice.local.move(alert, "cancel")
        before = await practice.local.alert(alert)
        status, page = await practice.visit("POST", practice.link(), answer="acknowledge")
        assert status == 200
        assert 'value="acknowledge"' not in page  # to the helper it tells the truth
        await practice.clock.sleep(70)
        assert practice.colleague.received == []
        assert practice.told(practice.doctor) == ["alert", "cancelled"]
        assert (await practice.local.alert(alert))["history"] == before["history"]
