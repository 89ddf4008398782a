"""`flicbridge setup` at a terminal, from the first question to the signature, in both languages."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.cli.setup import start_command
from flicbridge.config import load
from flicbridge.texts import translator

pytest.importorskip("bumble", reason="needs the extra `simulator`")
pytestmark = [
    pytest.mark.real_time,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a thing of POSIX"),
]

SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "correct horse")


class Installed(Protocol):
    file: Path
    shown: str
    code: int
    hook: Any
    phone: Any
    post: Any
    ban: Any
    world: Any


class Terminal(Protocol):
    shown: str

    def see(self, text: str) -> str: ...
    def type(self, line: str) -> None: ...
    def answer(self, question: str, line: str = "") -> str: ...
    def interrupt(self) -> None: ...
    def end(self) -> int: ...


class Said(Protocol):
    code: int
    out: str
    err: str


type Run = Callable[..., AbstractContextManager[Terminal]]
type Command = Callable[..., Said]


def raw(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def report(installed: Installed) -> Path:
    (found,) = installed.file.parent.glob("commissioning-*.html")
    return found


def test_the_settings_say_what_was_answered(french: Installed) -> None:
    assert french.code == 0, french.shown
    settings = load(french.file)
    assert (settings.bridge.language, settings.bridge.id) == ("fr", "cabinet-des-tilleuls-1")
    assert (settings.doctor.name, settings.doctor.phone) == ("Dr Anne Martin", "+33612345678")
    assert settings.practice.room == "Cabinet 2"
    assert settings.alerts.test_notify == ("hub", "collegue")
    assert settings.maintainer.notify == ("collegue",)
    assert [(step.after.total_seconds(), step.notify, step.unless) for step in settings.plan] == [
        (0, ("hub",), None),
        (60, ("collegue",), "acknowledged"),
    ]
    (button,) = settings.buttons
    assert button.serial
    assert button.gestures == {"long": "alert"}


def test_the_check_accepts_what_was_written(
    flicbridge: Command, french: Installed, english: Installed
) -> None:
    for installed in (french, english):
        said = flicbridge("config", "check", installed.file)
        assert said.code == 0, said.err


def test_the_address_is_looked_up_once_and_its_coordinates_are_kept(french: Installed) -> None:
    assert french.ban.received == ["12 r. des tilleuls 87000 limoges"]
    practice = raw(french.file)["practice"]
    assert practice["position"] == {"latitude": 45.83362, "longitude": 1.26105}
    assert practice["address"] == "12 Rue des Tilleuls 87000 Limoges"


def test_only_drills_leave_the_house(french: Installed) -> None:
    """One test message each, then one alert of the test press each."""
    assert [webhook.event["type"] for webhook in french.hook.received] == ["fr.flicbridge.test.raised"] * 2
    texts = [sms.text for sms in french.phone._taken.values()]
    assert len(texts) == 2
    assert all(text.startswith("EXERCICE") for text in texts)
    assert {webhook.event["data"]["kind"] for webhook in french.hook.received} == {"test"}


def test_no_secret_is_shown_or_written_into_the_settings(french: Installed) -> None:
    evidence = (french.file.parent / "commissioning.json").read_text(encoding="utf-8")
    everything = french.shown + french.file.read_text(encoding="utf-8") + evidence
    everything += report(french).read_text(encoding="utf-8")
    assert not [secret for secret in SECRETS if secret in everything]
    kept = {file.name: file.read_text(encoding="utf-8").strip() for file in _secrets(french)}
    assert kept == {"hub-http": SECRETS[0], "collegue-smsgate": SECRETS[1]}


def _secrets(installed: Installed) -> list[Path]:
    return list((installed.file.parent / "secrets").iterdir())


def test_what_names_people_or_holds_keys_is_for_its_owner_alone(french: Installed) -> None:
    private = [*_secrets(french), report(french), french.file.parent / "commissioning.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}
    assert stat.S_IMODE((french.file.parent / "secrets").stat().st_mode) == 0o700


def test_the_report_holds_what_was_measured(french: Installed) -> None:
    text, _ = report(french).read_text(encoding="utf-8"), translator("fr").gettext
    serial = raw(french.file)["buttons"][0]["serial"]
    for expected in (serial, "hub/0", "collegue/0", "Cabinet 2", "-60 dBm", "100 %", "06 12 34 56 78"):
        assert expected in text
    assert re.search(r"<td>poche</td><td>long</td><td>alert</td><td>\d", text)
    assert _("NOT PROVEN: not tried") not in text


def test_the_report_stands_alone_and_escapes_what_was_typed(french: Installed) -> None:
    text = report(french).read_text(encoding="utf-8")
    assert "Luc &lt;Moreau&gt;" in text
    assert "<Moreau>" not in text
    assert not re.search(r"https?://|src=|<script|<img|url\(", text)


def test_the_door_code_is_not_in_the_report(french: Installed) -> None:
    assert "4321" not in report(french).read_text(encoding="utf-8")


def test_a_rehearsal_is_never_called_proven(french: Installed) -> None:
    _ = translator("fr").gettext
    said = _("The radio is simulated: nothing here was proven with a real button.")
    assert " ".join(said.split()) in " ".join(french.shown.split())


def test_the_evidence_has_the_times(french: Installed) -> None:
    evidence = json.loads((french.file.parent / "commissioning.json").read_text(encoding="utf-8"))
    sms = evidence["channels"]["collegue/0"]
    assert sms["outcome"] == "delivered"
    assert 0 < sms["took_s"] < sms["delivered_s"] < 20
    press = evidence["presses"]["poche"]
    assert press["known_after_s"] >= 1, "a long press is one of a second"
    assert {each["channel"]: each["after_s"] >= 1 for each in press["reached"]} == {
        "hub/0": True,
        "collegue/0": True,
    }
    (room,) = evidence["rooms"]
    assert (room["room"], room["verdict"]) == ("Cabinet 2", "good")


def test_a_bridge_with_these_settings_carries_a_press(
    flicbridge: Command,
    french: Installed,
    running_bridge: Callable[[Path], "AbstractContextManager[subprocess.Popen[str]]"],
) -> None:
    before = len(french.hook.received)
    with running_bridge(french.file):
        said = flicbridge("press", "poche", "--gesture", "long", "--config", french.file)
        assert said.code == 0, said.err
        french.world.call(lambda: french.hook.wait_for(before + 1, within_s=20))
    event = french.hook.received[before].event
    assert event["type"] == "fr.flicbridge.emergency.raised"
    assert event["data"]["doctor"]["name"] == "Dr Anne Martin"
    assert len(french.hook.received) == before + 1, "no press of the setup is told late"


def test_run_again_everything_is_offered_and_nothing_changes(terminal: Run, french: Installed) -> None:
    before, asked = french.file.read_text(encoding="utf-8"), len(french.ban.received)
    with terminal("--config", french.file) as person:
        for _ in range(30):  # Enter takes what is offered, so that nobody need wait for the question
            person.type("")
        assert person.end() == 0, person.shown
    assert french.file.read_text(encoding="utf-8") == before
    assert len(french.ban.received) == asked
    assert "[Dr Anne Martin]" in person.shown


def test_what_nobody_agreed_to_is_not_sent(english: Installed) -> None:
    assert english.code == 0, english.shown
    assert english.post.received == []
    assert "samu/0: no drill was agreed on, so it is NOT PROVEN." in english.shown
    assert "test_notify" not in raw(english.file).get("alerts", {})


def test_what_is_open_is_in_the_report(english: Installed) -> None:
    text = report(english).read_text(encoding="utf-8")
    for expected in (
        "Not everything is proven:",
        "The button poche was not tried to the end: no press, no alert.",
        "samu/0 was not tried: NOT PROVEN.",
        "Nobody walked through the rooms: dead zones are not known.",
        "Signed with reservations",
    ):
        assert expected in text


def test_an_address_that_is_unknown_gets_coordinates_by_hand(english: Installed) -> None:
    assert "The national address base knows no such address." in english.shown
    assert "This is far from mainland France." in english.shown
    assert raw(english.file)["practice"]["position"] == {"latitude": 45.79123, "longitude": 1.63001}


def test_bad_input_is_asked_again_with_the_reason(english: Installed) -> None:
    shown = " ".join(english.shown.split())
    for reason in (
        'small letters, digits, - and _ only, such as "poche-de-gauche".',
        "Type one of the numbers from 1 to 3.",
        "Short numbers such as 15 cannot be used.",
        "Write latitude and longitude as a map shows them, such as 45.83362, 1.26105.",
    ):
        assert reason in shown


def test_an_interrupt_loses_nothing(terminal: Run, file: Path) -> None:
    with terminal("--config", file, "--language", "en") as person:
        person.answer("Pair a button now?", "n")
        person.answer("Name of the doctor", "Dr Anne Martin")
        person.see("Phone number")
        person.interrupt()
        assert person.end() == 130
    assert "What was answered is kept" in " ".join(person.shown.split())
    assert "Traceback" not in person.shown
    assert raw(file)["doctor"] == {"name": "Dr Anne Martin"}
    with terminal("--config", file, "--language", "en") as person:
        person.answer("Pair a button now?", "n")
        person.see("[Dr Anne Martin]")


def test_answers_from_a_file_end_with_it(file: Path) -> None:
    command = [sys.executable, "-m", "flicbridge", "setup", "--config", str(file), "--language", "en"]
    answers = "n\nDr Anne Martin\n+33612345678\nCabinet des Tilleuls\n"
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(
        command,
        input=answers,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env=environment,
        check=False,
    )
    assert done.returncode == 1
    assert "What was answered is kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert raw(file)["practice"]["name"] == "Cabinet des Tilleuls"


def test_a_way_to_reach_somebody_is_kept_once_it_is_complete(terminal: Run, file: Path) -> None:
    """And nobody is told otherwise."""
    text = file.read_text(encoding="utf-8")
    answered = '[doctor]\nname = "D"\nphone = "+33612345678"\n\n[practice]\nname = "P"\naddress = "A"\n'
    file.write_text(
        f"{text}\n{answered}position = {{ latitude = 45.8, longitude = 1.2 }}\n", encoding="utf-8"
    )
    with terminal("--config", file, "--language", "en") as person:
        person.see("a way to reach somebody, as soon as it is complete.")
        person.answer("Pair a button now?", "n")
        for question in ("Name of the doctor", "Phone number on which", "Name of the practice", "Which room",
                         "How to get in", "Short name", "Address of the practice", "Keep them?"):  # fmt: skip
            person.answer(question)
        for question, answer in (
            ("Who shall be told?", "samu"),
            ("How", "1"),
            ("Phone number that gets the SMS", "06 87 65 43 21"),
            ("Address of the phone", "http://192.168.1.20:8080"),
            ("User name", ""),
        ):
            person.answer(question, answer)
        person.see("Password shown by the app")
        person.interrupt()
        assert person.end() == 130
    assert "but not a way to reach somebody that was not complete yet" in " ".join(person.shown.split())
    assert "recipients" not in raw(file)


def test_settings_that_cannot_work_are_mended_first(flicbridge: Command, file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + '\n[doctor]\nphone = "15"\n', encoding="utf-8")
    said = flicbridge("setup", "--config", file, "--language", "fr")
    assert said.code == 2
    assert "doctor.phone" in said.err


def test_a_language_that_nobody_wrote_is_refused(flicbridge: Command, file: Path) -> None:
    said = flicbridge("setup", "--config", file, "--language", "de")
    assert (said.code, "fr, en" in said.err) == (2, True)


SERVICE = Path("/etc/flicbridge/flicbridge.toml")


@pytest.mark.skipif(sys.platform != "linux", reason="the service is for Linux")
def test_what_the_service_reads_is_started_as_a_service() -> None:
    assert start_command(SERVICE, is_rehearsal=False) == "sudo flicbridge service install"


@pytest.mark.parametrize(
    ("settings", "is_rehearsal"), [(SERVICE, True), (Path("/srv/mon cabinet/flicbridge.toml"), False)]
)
def test_a_rehearsal_and_settings_elsewhere_are_started_by_hand(settings: Path, is_rehearsal: bool) -> None:
    said = start_command(settings, is_rehearsal=is_rehearsal)
    assert said == f"flicbridge run --config {shlex.quote(str(settings))}"
