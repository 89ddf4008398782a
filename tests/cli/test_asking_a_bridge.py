"""The commands that ask a running bridge, or read what one has left behind."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

pytestmark = pytest.mark.real_time


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


def press(flicbridge: Command, settings: Path, gesture: str = "single") -> str:
    said = flicbridge("press", "bureau", "--gesture", gesture, "--config", settings, "--json")
    assert said.code == 0
    return str(said.json["alert_id"])


def fail(flicbridge: Command, settings: Path) -> None:
    """Press until it is known that nobody listens where the messages go."""
    press(flicbridge, settings)
    for _ in range(40):
        [channel] = flicbridge("status", "--config", settings, "--json").json["channels"]
        if channel["state"] == "failing":
            return
    pytest.fail("nothing was tried")


# -- while it runs


def test_a_press_says_which_alert_it_raised(flicbridge: Command, shared_settings: Path) -> None:
    said = flicbridge("press", "bureau", "--config", shared_settings, "--json")
    assert said.code == 0
    assert said.json.keys() == {"alert_id", "effect", "safe"}
    assert (said.json["effect"], said.json["safe"]) == ("raised", True)
    said = flicbridge("press", "bureau", "--config", shared_settings)
    assert re.fullmatch(r"Alert raised: [0-9a-f-]{36}\n", said.out)


def test_a_press_that_raises_nothing_has_no_alert(flicbridge: Command, shared_settings: Path) -> None:
    for alert in flicbridge("alerts", "list", "--config", shared_settings, "--json").json["alerts"]:
        flicbridge("alerts", "cancel", alert["id"], "--config", shared_settings)
    said = flicbridge("press", "bureau", "--gesture", "triple", "--config", shared_settings, "--json")
    assert (said.code, said.json["alert_id"], said.json["effect"]) == (0, None, "nothing")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["cabinet"], "bureau"), (["bureau", "--gesture", "quintuple"], "single, double, triple")],
)
def test_a_press_that_cannot_be_is_wrong_input(
    flicbridge: Command, shared_settings: Path, arguments: list[str], message: str
) -> None:
    said = flicbridge("press", *arguments, "--config", shared_settings)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_alerts_are_listed_shown_acknowledged_and_cancelled(
    flicbridge: Command, shared_settings: Path
) -> None:
    config = ("--config", shared_settings)
    alert = press(flicbridge, shared_settings)
    assert flicbridge("alerts", "list", *config, "--limit", 1, "--json").json["alerts"][0]["id"] == alert
    assert alert[:8] in flicbridge("alerts", "list", *config).out
    assert flicbridge("alerts", "ack", alert[:8], *config).out == f"Alert acknowledged: {alert}\n"
    assert flicbridge("alerts", "cancel", alert, *config, "--json").json == {
        "alert_id": alert,
        "happened": "cancelled",
    }
    shown = flicbridge("alerts", "show", alert, *config, "--json").json
    assert shown["state"] == "cancelled"
    assert [event["what"] for event in shown["history"]] == ["raised", "acknowledged", "cancelled"]
    assert {delivery["purpose"] for delivery in shown["deliveries"]} == {"alert", "cancelled"}
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", event["at"]) for event in shown["history"])


def test_an_alert_that_was_settled_by_telephone_can_be_closed_and_nobody_is_told(
    flicbridge: Command, shared_settings: Path
) -> None:
    config = ("--config", shared_settings)
    alert = press(flicbridge, shared_settings)
    assert flicbridge("alerts", "close", alert[:8], *config).out == f"Alert closed: {alert}\n"
    shown = flicbridge("alerts", "show", alert, *config, "--json").json
    assert (shown["state"], shown["history"][-1]["by"]) == ("closed", "cli")
    assert {delivery["purpose"] for delivery in shown["deliveries"]} == {"alert"}
    assert alert not in flicbridge("status", *config, "--json").json["open_alerts"]
    again = flicbridge("alerts", "close", alert, *config)
    assert (again.code, again.out) == (1, "")
    assert "is closed" in again.err
    assert "PIN" not in again.err


def test_people_see_an_alert_as_a_story_in_their_time(flicbridge: Command, shared_settings: Path) -> None:
    alert = press(flicbridge, shared_settings)
    config = ("--config", shared_settings)
    raised_at = flicbridge("alerts", "show", alert, *config, "--json").json["history"][0]["at"]
    story = flicbridge("alerts", "show", alert, *config).out
    assert "Dr Anne Martin, +33612345678, Cabinet des Tilleuls" in story
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +alert raised +button bureau", story)
    assert "hub/0" in story
    assert raised_at not in story


def test_what_was_done_already_cannot_be_done_again(flicbridge: Command, shared_settings: Path) -> None:
    alert = press(flicbridge, shared_settings)
    flicbridge("alerts", "ack", alert, "--config", shared_settings)
    said = flicbridge("alerts", "ack", alert, "--config", shared_settings)
    assert said.code == 1
    assert "acknowledged" in said.err


@pytest.mark.parametrize("command", ["show", "ack", "cancel", "close"])
@pytest.mark.parametrize("wanted", ["ffffffff", "no such", "../x"])
def test_an_alert_that_is_not_there_is_wrong_input(
    flicbridge: Command, shared_settings: Path, command: str, wanted: str
) -> None:
    said = flicbridge("alerts", command, wanted, "--config", shared_settings)
    assert (said.code, said.out) == (2, "")
    assert "no alert" in said.err


def test_status_is_one_object_for_programs(flicbridge: Command, shared_settings: Path) -> None:
    fail(flicbridge, shared_settings)
    said = flicbridge("status", "--config", shared_settings, "--json")
    assert said.json["protection"]["state"] == "not_protected"
    assert said.code == 1
    assert [link["name"] for link in said.json["links"]][:2] == ["button:bureau", "bridge"]
    assert said.json["bridge"]["id"] == "tilleuls-1"
    assert [button["name"] for button in said.json["buttons"]] == ["bureau"]


def test_status_is_readable_for_people(flicbridge: Command, shared_settings: Path) -> None:
    fail(flicbridge, shared_settings)
    said = flicbridge("status", "--config", shared_settings)
    assert said.code == 1
    assert said.out.startswith("NOT PROTECTED: a press reaches nobody, since ")
    assert "\nBridge tilleuls-1, flicbridge " in said.out
    assert "bureau" in said.out
    assert "hub/0" in said.out


def test_a_second_bridge_is_refused_while_one_runs(flicbridge: Command, shared_settings: Path) -> None:
    said = flicbridge("run", "--config", shared_settings)
    assert said.code == 2
    assert "already running" in said.err


def test_status_speaks_the_language_of_the_settings(flicbridge: Command, shared_settings: Path) -> None:
    french = shared_settings.with_name("french.toml")
    text = shared_settings.read_text(encoding="utf-8")
    french.write_text(text.replace('language = "en"', 'language = "fr"'), encoding="utf-8")
    assert "Passerelle tilleuls-1" in flicbridge("status", "--config", french).out
    assert "Alerte lancée : " in flicbridge("press", "bureau", "--config", french).out


# -- when it does not run


@pytest.mark.parametrize(
    "command",
    [["status"], ["press", "bureau"], ["alerts", "ack", "ab"], ["alerts", "list"], ["alerts", "show", "ab"]],
)
def test_a_bridge_that_never_ran_is_said_not_to_run(
    flicbridge: Command, settings: Path, command: list[str]
) -> None:
    said = flicbridge(*command, "--config", settings)
    assert (said.code, said.out) == (1, "")
    assert said.err == "The bridge is not running. Start it with `flicbridge run`.\n"


def test_a_bridge_that_does_not_run_is_spoken_of_in_french(
    flicbridge: Command, french_settings: Path
) -> None:
    said = flicbridge("status", "--config", french_settings)
    assert said.code == 1
    assert said.err == "La passerelle ne tourne pas. Lancez-la avec `flicbridge run`.\n"


def test_after_a_kill_its_alerts_are_read_from_its_database(
    flicbridge: Command, settings: Path, bridge: subprocess.Popen[str]
) -> None:
    alert = press(flicbridge, settings)
    bridge.kill()
    bridge.wait()
    listed = flicbridge("alerts", "list", "--config", settings, "--json")
    assert (listed.code, [found["id"] for found in listed.json["alerts"]]) == (0, [alert])
    assert "database" in listed.err
    shown = flicbridge("alerts", "show", alert[:6], "--config", settings, "--json")
    assert (shown.code, shown.json["id"]) == (0, alert)
    for wanted in ("ffffffff", "%"):
        assert flicbridge("alerts", "show", wanted, "--config", settings).code == 2
    assert flicbridge("alerts", "ack", alert, "--config", settings).code == 1
    assert flicbridge("status", "--config", settings).code == 1


def test_a_database_that_is_none_is_one_clear_error(flicbridge: Command, settings: Path) -> None:
    (settings.parent / "state").mkdir()
    (settings.parent / "state" / "flicbridge.db").write_text("no database", encoding="ascii")
    said = flicbridge("alerts", "list", "--config", settings)
    assert said.code == 1
    assert "flicbridge.db" in said.err
    assert "Traceback" not in said.err


# -- starting and stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bridge_that_is_told_to_stop_ends_cleanly(
    flicbridge: Command, settings: Path, bridge: subprocess.Popen[str], number: signal.Signals
) -> None:
    os.kill(bridge.pid, number)
    assert bridge.wait(timeout=20) == 0
    assert bridge.stderr is not None
    assert "Traceback" not in bridge.stderr.read()
    assert not (settings.parent / "state" / "api.sock").exists()
    assert not (settings.parent / "state" / "api.json").exists()


def test_a_dry_run_shows_the_messages_and_keeps_nothing(
    flicbridge: Command, settings: Path, dry_run: subprocess.Popen[str]
) -> None:
    press(flicbridge, settings)
    assert flicbridge("status", "--config", settings, "--json").json["bridge"]["rehearsal"] is True
    os.kill(dry_run.pid, signal.SIGTERM)
    assert dry_run.wait(timeout=20) == 0
    assert dry_run.stdout is not None
    shown = dry_run.stdout.read()
    assert "hub: alert (dry run, not sent)" in shown
    assert "Anne Martin" in shown
    assert flicbridge("alerts", "list", "--config", settings).code == 1
