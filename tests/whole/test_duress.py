"""A cancellation with the wrong PIN: the room sees exactly what it sees of one with the right PIN.

Two practices that differ in nothing but the PIN that is given. All that can be looked at is compared letter
by letter, with ids, times and ports replaced by what they are: answers of the API, alerts, status, the log;
while all is well and while channels are dead or hang; and again after a restart.
"""

import asyncio
import difflib
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import structlog

from flicbridge.alert.alert import AlertState
from flicbridge.alert.seal import Seal
from flicbridge.api.client import ApiClient
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock, SystemClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.errors import ApiError
from flicbridge.house import Bridge
from flicbridge.outbox.courier import Courier
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.gateways.fault import Fault
from flicbridge.simulator.gateways.phone import FakePhone

PIN = "4711"
WRONG = "0000"

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

[alerts]
tell_doctor = ["doctor"]
duress_pin = "duress-pin"
{alerts}

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert", triple = "cancel" }}

[[recipients]]
name = "samu"
order = "in_turn"
next_after = "30s"
channels = [
  {{ transport = "http", url = "{hub}", secret = "hub-key", expires_after = "10m" }},
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
repeat = "3m"

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["colleague"]
"""

POCKET = "+33612345678"

# The doctor's phone, which is in no step of the plan, and a page where whoever has a link answers.
WITH_DEVICES = (
    SETTINGS.replace('tell_doctor = ["doctor"]', 'tell_doctor = ["doctor", "pocket"]')
    + """
[[recipients]]
name = "pocket"
channels = [ {{ transport = "smsgate", url = "{phone}", secret = "phone", to = "+33612345678" }} ]

[api]
listen = "127.0.0.1:{port}"
public_url = "https://tilleuls.example.fr"
"""
)

RECEIVERS = ("hub", "doctor", "colleague", "phone")

OUTAGES: dict[str, dict[str, Fault]] = {
    "all is well": {},
    "the first channel is dead": {"hub": Fault(kind="refuse")},
    "the first channel hangs": {"hub": Fault(kind="hang")},
    "the first channel refuses for good": {"hub": Fault(kind="status", status=403)},
    "every channel is dead": {name: Fault(kind="refuse") for name in RECEIVERS},
}

DOCTOR_READS = {
    "cancel": ["alert", "cancelled", "answered", "cancelled", "answered"],
    "confirm": ["alert", "answered", "cancelled", "answered", "cancelled", "answered"],
}

ENDS_SOON = 'give_up_after = "10m"'

type Look = dict[str, str]


@dataclass
class Practice:
    """A settings file and everybody it tells; the bridge on it can be started again and again."""

    folder: Path
    clock: LoopClock
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def local(self) -> ApiClient:
        return ApiClient(self.folder / "state")

    @asynccontextmanager
    async def bridge(self) -> AsyncIterator[Bridge]:
        file = self.folder / "flicbridge.toml"
        opening = open_bridge(load(file), Credentials.beside(file), clock=self.clock)
        async with opening as bridge, asyncio.TaskGroup() as group:
            running = group.create_task(bridge.run())
            await bridge.ready.wait()
            try:
                yield bridge
            finally:
                running.cancel()

    def purposes(self, name: str) -> list[str]:
        return [hook.event["data"]["purpose"] for hook in self.told[name].received]


@asynccontextmanager
async def practice_in(
    folder: Path, secret: str, outage: dict[str, Fault], alerts: str = "", *, port: int | None = None
) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop())
    (folder / "secrets").mkdir(mode=0o700, parents=True)
    for name, value in (("hub-key", secret), ("phone", "p"), ("duress-pin", PIN)):
        (folder / "secrets" / name).write_text(value)
        (folder / "secrets" / name).chmod(0o600)
    async with AsyncExitStack() as stack:
        told: dict[str, Any] = {
            name: await stack.enter_async_context(FakeHttp(secret=secret, clock=clock))
            for name in RECEIVERS[:3]
        }
        told["phone"] = await stack.enter_async_context(FakePhone(password="p", clock=clock))
        urls = {name: gateway.url for name, gateway in told.items()}
        settings = SETTINGS if port is None else WITH_DEVICES
        (folder / "flicbridge.toml").write_text(settings.format(**urls, alerts=alerts, port=port))
        for name, fault in outage.items():
            told[name].fault = fault
        yield Practice(folder, clock, told)


@pytest.fixture(autouse=True)
def steady_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take chance out of the waits between two tries."""
    assert Courier.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(Courier.__init__.__kwdefaults__, "random", lambda: 0.5)


def normal(shown: Any) -> str:
    """JSON in which ids, times and ports are replaced by what they are, and order is not chance."""
    names: dict[str, str] = {}
    if isinstance(shown, dict) and "attempts" in shown and "deliveries" in shown:
        names = {d["id"]: f"{d['channel']} {d['purpose']} {d['occasion']}" for d in shown["deliveries"]}
        # Channels work side by side: which of two is a millisecond earlier is chance.
        shown = {
            **shown,
            "attempts": sorted(shown["attempts"], key=lambda a: (names[a["delivery"]], a["number"])),
            "deliveries": sorted(shown["deliveries"], key=lambda d: names[d["id"]]),
        }
    text = json.dumps(shown, sort_keys=True, default=str)
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    text = re.sub(uuid, lambda found: names.get(found[0], "ID"), text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)", "TIME", text)
    text = re.sub(r'("code": )"\w{4}"', r'\1"CODE"', text)
    text = re.sub(r'("\w*(_s|pid|p99_ms)": )[0-9.e-]+', r"\1NUMBER", text)
    text = re.sub(r"(?<=[(:, ])\d{5}\b", "PORT", text)
    text = re.sub(r"/[^ \"]*/(api\.sock)", r"\1", text)
    return text.replace("}, {", "},\n{").replace('", "', '",\n"')


def still(metrics: str) -> str:
    """Metrics without what differs from one run to the next: lengths of time, and the process itself."""
    lines = (line for line in metrics.splitlines() if not line.startswith(("#", "process_")))
    return "\n".join(line for line in lines if not re.match(r"\w+_seconds(_bucket|_sum)?[{ ]", line))


async def look(practice: Practice, alert: str, when: str) -> Look:
    """Everything that somebody at the counter can ask."""
    return {
        f"show, {when}": normal(await practice.local.alert(alert)),
        f"list, {when}": normal(await practice.local.alerts(5)),
        f"status, {when}": normal(await practice.local.status()),
        f"metrics, {when}": still(await practice.local.metrics()),
    }


async def try_again(practice: Practice, alert: str, move: str, pin: str) -> str:
    """Somebody who wants to see what happens now."""
    try:
        return normal(await practice.local.move(alert, move, pin=pin))
    except ApiError as error:
        return normal([error.status, str(error)])


async def seen_in_the_room(practice: Practice, move: str, pin: str) -> Look:
    """All that shows from the press until nearly half an hour after, with a restart in between.

    On a busy machine each try is a little late, and so is the next. So nobody looks just after one was due.
    """
    seen: Look = {}
    with structlog.testing.capture_logs() as logs:
        async with practice.bridge() as bridge:
            alert = str((await bridge.press("bureau", "single")).alert)
            await practice.clock.sleep(2.6)
            seen["answer"] = normal(await practice.local.move(alert, move, pin=pin))
            passed_s = 0.0
            for at_s in (0.3, 36.9, 63.1):
                await practice.clock.sleep(at_s - passed_s)
                passed_s = at_s
                seen |= await look(practice, alert, f"after {at_s} s")
            seen["again"] = await try_again(practice, alert, "cancel", pin)
            await practice.clock.sleep(108.5)
            seen |= await look(practice, alert, "before the restart")
        async with practice.bridge():
            await practice.clock.sleep(0.45)  # what fell due meanwhile is being tried
            seen |= await look(practice, alert, "just after the restart")
            await practice.clock.sleep(30.7)
            seen |= await look(practice, alert, "half a minute later")
            seen["once more"] = await try_again(practice, alert, "acknowledge", pin)
            await practice.clock.sleep(1202.0)
            seen |= await look(practice, alert, "later, after more reminders")
    told = [entry for entry in logs if entry["log_level"] != "debug"]
    seen["log"] = "\n".join(sorted(normal(entry) for entry in told))
    return seen


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("outage", "move"),
    [*((outage, "cancel") for outage in OUTAGES), *((outage, "acknowledge") for outage in list(OUTAGES)[:2])],
)
async def test_the_room_sees_no_difference_before_and_after_a_restart(
    tmp_path: Path, secret: str, outage: str, move: str
) -> None:
    async with practice_in(tmp_path / "free", secret, OUTAGES[outage]) as practice:
        believed = await seen_in_the_room(practice, move, PIN)
        assert "alert" not in practice.purposes("colleague")
    async with practice_in(tmp_path / "forced", secret, OUTAGES[outage]) as practice:
        doubted = await seen_in_the_room(practice, move, WRONG)
        if "colleague" not in OUTAGES[outage]:
            assert "alert" in practice.purposes("colleague")  # it goes on
    assert_same(believed, doubted)


async def answer_from_the_devices(practice: Practice, alert: UUID, code: str, port: int) -> Look:
    """Say all that can be said about an alert with the doctor's own devices; returns what their page shows.

    The device in the plan has a link, be it that it was told before anybody asked for a PIN; the other one an
    SMS with the code, read wherever it could be read.
    """
    mark = Seal((practice.folder / "state" / "answer-key").read_bytes()).mark(alert, "doctor")
    link = f"http://127.0.0.1:{port}/r/{alert}/doctor/{mark}"
    headers = {"Host": "tilleuls.example.fr"}
    seen: Look = {}
    async with aiohttp.ClientSession(headers=headers) as session:
        for answer in ("", "acknowledge", "confirm", "false_alarm", "look again"):
            async with session.post(link, data={"answer": answer}) as response:
                page = re.sub(r"\d\d/\d\d/\d{4} \d\d:\d\d", "TIME", await response.text())
                seen[f"page, {answer}"] = f"{response.status} {page}"
    for word in ("OK", "OUI", "FAUX"):
        practice.told["phone"].receive(POCKET, f"{word} {code}")
    await practice.clock.sleep(7.3)
    return seen


async def seen_with_the_devices(practice: Practice, port: int, pin: str, *, answers_first: bool) -> Look:
    """All that shows of a cancellation to somebody who holds the doctor's own devices, and uses them."""
    seen: Look = {}
    with structlog.testing.capture_logs() as logs:
        async with practice.bridge() as bridge:
            alert = (await bridge.press("bureau", "single")).alert
            assert alert is not None
            standing = bridge.standing(alert)
            assert standing is not None
            await practice.clock.sleep(2.6)
            if answers_first:
                seen |= await answer_from_the_devices(practice, alert, standing.code, port)
            seen["answer"] = normal(await practice.local.move(str(alert), "cancel", pin=pin))
            if not answers_first:
                seen |= await answer_from_the_devices(practice, alert, standing.code, port)
            await practice.clock.sleep(0.3)
            seen |= await look(practice, str(alert), "at once")
            await practice.clock.sleep(70.6)
            seen |= await look(practice, str(alert), "a minute later")
        async with practice.bridge():
            await practice.clock.sleep(7.4)
            again = await answer_from_the_devices(practice, alert, standing.code, port)
            seen |= {f"{what}, after the restart": shown for what, shown in again.items()}
            seen |= await look(practice, str(alert), "after the restart")
            truth = await practice.local.reveal(str(alert), PIN)
    assert truth["state"] == ("cancelled" if pin == PIN else "notified")
    told = [entry for entry in logs if entry["log_level"] != "debug"]
    seen["log"] = "\n".join(sorted(normal(entry) for entry in told))
    return {what: shown.replace(str(alert), "ID") for what, shown in seen.items()}


@pytest.mark.parametrize("answers_first", [False, True])
async def test_the_doctors_own_devices_see_no_difference_and_nothing_they_answer_stops_an_alert(
    tmp_path: Path, secret: str, unused_tcp_port: int, answers_first: bool
) -> None:
    seen: dict[str, Look] = {}
    for pin in (PIN, WRONG):
        async with practice_in(tmp_path / pin, secret, {}, port=unused_tcp_port) as practice:
            seen[pin] = await seen_with_the_devices(
                practice, unused_tcp_port, pin, answers_first=answers_first
            )
            assert practice.purposes("colleague") == ([] if pin == PIN else ["alert"])
    assert_same(seen[PIN], seen[WRONG])
    assert "sans le code convenu" not in str(seen)
    assert 'value="false_alarm"' not in str(seen)


async def answer_as(practice: Practice, alert: str, recipient: str, answer: str, port: int) -> None:
    """Use the link in a message."""
    mark = Seal((practice.folder / "state" / "answer-key").read_bytes()).mark(UUID(alert), recipient)
    link = f"http://127.0.0.1:{port}/r/{alert}/{recipient}/{mark}"
    headers = {"Host": "tilleuls.example.fr"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(link, data={"answer": answer}) as response,
    ):
        assert response.status == 200


@pytest.mark.parametrize("first", ["cancel", "confirm"])
async def test_an_alert_that_is_cancelled_once_more_after_it_was_confirmed_is_told_and_shows_no_difference(
    tmp_path: Path, secret: str, unused_tcp_port: int, first: str
) -> None:
    """Who clears the doubt has the last word until the doctor says otherwise, and everybody reads of it."""
    seen: dict[str, Look] = {}
    for pin in (PIN, WRONG):
        looks = seen[pin] = {}
        async with practice_in(tmp_path / pin, secret, {}, port=unused_tcp_port) as practice:
            with structlog.testing.capture_logs() as logs:
                async with practice.bridge() as bridge:
                    alert = str((await bridge.press("bureau", "single")).alert)
                    await practice.clock.sleep(2.6)
                    for number, move in enumerate([first, *["cancel", "confirm"] * 2]):
                        if move == "confirm":
                            await answer_as(practice, alert, "samu", "confirm", unused_tcp_port)
                        else:
                            looks[f"answer {number}"] = await try_again(practice, alert, move, pin)
                        await practice.clock.sleep(7.4)
                        looks |= await look(practice, alert, f"after {number}")
                async with practice.bridge():
                    await practice.clock.sleep(7.4)
                    looks |= await look(practice, alert, "after the restart")
            looks["log"] = "\n".join(sorted(normal(e) for e in logs if e["log_level"] != "debug"))
            told = ["cancelled" if pin == PIN else "doubted"] * 2
            assert practice.purposes("hub") == ["alert", *told]
            assert practice.purposes("doctor") == DOCTOR_READS[first]
        seen[pin] = {what: shown.replace(alert, "ID") for what, shown in looks.items()}
    assert_same(seen[PIN], seen[WRONG])


async def test_nor_does_the_end_of_an_alert_that_nobody_answers_show(tmp_path: Path, secret: str) -> None:
    """In truth it is given up after ten minutes, and what was under way by then is tried on."""
    outage = "every channel is dead"
    async with practice_in(tmp_path / "free", secret, OUTAGES[outage], ENDS_SOON) as practice:
        believed = await seen_in_the_room(practice, "cancel", PIN)
    async with practice_in(tmp_path / "forced", secret, OUTAGES[outage], ENDS_SOON) as practice:
        doubted = await seen_in_the_room(practice, "cancel", WRONG)
        async with practice.bridge() as bridge:
            [standing] = await bridge.list_alerts(1)
            assert standing.state is AlertState.UNANSWERED
            for name in RECEIVERS:
                practice.told[name].fault = None
            await practice.clock.sleep(90)
            assert "alert" in practice.purposes("colleague")
    assert_same(believed, doubted)


def assert_same(believed: Look, doubted: Look) -> None:
    """Compare letter by letter, and show where they differ."""
    assert believed.keys() == doubted.keys()
    for what, shown in believed.items():
        ours, theirs = doubted[what].splitlines(), shown.splitlines()
        differing = difflib.unified_diff(theirs, ours, "believed", "doubted", lineterm="", n=1)
        assert "\n".join(differing) == "", what


def has_looked_around(status: Any) -> bool:
    """Whether all is known that the bridge asks for after each start, at a moment of its own choosing."""
    facts = {link["name"]: link["facts"] for link in status["links"]}
    ways = [said for link, said in facts.items() if link.startswith("channel:")]
    is_answered = facts["channel:samu/1"].get("replies") == "read" and all("health_state" in w for w in ways)
    return is_answered and "model" in facts["host"] and "state" in facts["bridge"]


async def sms_have_arrived(program: Any, alert: str) -> None:
    """Wait until the phone has confirmed every SMS that the room knows of."""
    bridge, clock = ApiClient(program.config.parent / "state"), SystemClock()
    async with asyncio.timeout(60):
        while any(
            delivery["channel"] == "samu/1" and delivery["state"] not in ("delivered", "withdrawn")
            for delivery in (await bridge.alert(alert))["deliveries"]
        ):
            await clock.sleep(0.05)


async def what_the_commands_show(program: Any, alert: str) -> Look:
    """What somebody at the counter reads on the screen."""
    seen: Look = {}
    await program.status_when(has_looked_around)
    await sms_have_arrived(program, alert)
    for words in (("list",), ("show", alert), ("show", alert, "--json")):
        seen[" ".join(words)] = str(await program.command("alerts", *words))
    seen["status"] = str(await program.command("status"))
    code, out, err = await program.command("status", "--json")
    seen["status --json"] = f"{code} {json.dumps(without_the_machine(json.loads(out)), indent=1)} {err}"
    return {what.replace(alert, "ID"): typed_over(text, alert) for what, text in seen.items()}


def without_the_machine(status: Any) -> Any:
    """A status without what is measured of the machine now and then: here a moment decides what there is.

    On the loop that leaps all of it is compared.
    """
    of_it = {"bridge", "host", "pipeline", "clock"}
    links = [link for link in status["links"] if link["name"] not in of_it]
    return {**{what: fact for what, fact in status.items() if what not in of_it}, "links": links}


def typed_over(text: str, alert: str) -> str:
    """A screen with what differs from run to run typed over, sorted by line.

    Messages that leave together arrive in any order, and so do the facts about their channels.
    """
    text = text.replace(alert, "ID").replace(alert[:8], "SHORT")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ][0-9:.]+Z?(\+00:00)?", "TIME", text)
    text = re.sub(r"\d+[.,]\d+ s|\d+ (s|min)\b", "SECONDS", text)
    text = re.sub(r"[0-9.]+ (Mi[Bo]|°C)", r"NUMBER \1", text)  # of the machine that the test runs on
    text = re.sub(r'("(\w+_mib|temperature_c)": )[0-9.e-]+', r"\1NUMBER", text)
    text = re.sub(r'("code": )"\w{4}"', r'\1"CODE"', text)
    text = re.sub(r'("\w*(_s|pid|p99_ms)": )[0-9.e-]+', r"\1NUMBER", text)
    # Facts are kept a second after a message was taken; whether the phone has confirmed it by then is chance.
    text = re.sub(r'("last_end": )"(sent|delivered)"', r'\1"TAKEN"', text)
    return "\n".join(sorted(line.rstrip(",") for line in text.replace("\\n", "\n").splitlines()))


def has_kept_first_facts(status: Any) -> bool:
    """Whether what a bridge keeps a second after its start is kept; of a press nothing is kept soon then."""
    return float(status["bridge"]["uptime_s"]) > 4.0


@pytest.mark.lengthy
@pytest.mark.real_time
async def test_the_commands_print_the_same_before_and_after_a_crash(
    tmp_path: Path, secret: str, start: Any
) -> None:
    seen: dict[str, list[Look]] = {PIN: [], WRONG: []}
    for pin, looks in seen.items():
        folder = tmp_path / pin
        # One try, and the next long after all of this: how long a command takes must not make a difference.
        busy = Fault(kind="status", status=429, retry_after=timedelta(minutes=5))
        async with practice_in(folder, secret, {"colleague": busy}) as practice:
            file = folder / "flicbridge.toml"
            async with start(file) as program:
                await program.status_when(has_kept_first_facts)
                alert = (await program.ask("press", "bureau"))["alert_id"]
                for name in ("hub", "doctor"):
                    await practice.told[name].wait_for(1, within_s=20)
                answer = await program.command("alerts", "cancel", alert, typed=pin + "\n")
                for name in ("hub", "doctor"):
                    await practice.told[name].wait_for(2, within_s=20)
                looks.append({"answer": typed_over(str(answer), alert)})
                looks.append(await what_the_commands_show(program, alert))
                again = await program.command("alerts", "cancel", alert, typed=pin + "\n")
                looks.append({"again": typed_over(str(again), alert)})
                await program.kill()
            async with start(file) as program:
                looks.append(await what_the_commands_show(program, alert))
            truth = practice.purposes("hub")
            assert truth == ["alert", "cancelled" if pin == PIN else "doubted"]
    for believed, doubted in zip(seen[PIN], seen[WRONG], strict=True):
        assert_same(believed, doubted)
