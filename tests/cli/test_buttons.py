"""`flicbridge buttons list`, `forget` and `rename`: over a real database, a real file, and a real bridge."""

import io
import json
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import Any, Protocol

import pytest

pytest.importorskip("bumble", reason="needs the extra `simulator`")


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


type Running = Callable[[Path], AbstractContextManager[Popen[str]]]


@pytest.fixture
def paired(leaping_flicbridge: Command, rehearsal: Path) -> Path:
    """Settings with a simulated Flic that is paired."""
    text = rehearsal.read_text(encoding="utf-8")
    single = text.replace('{ long = "alert" }', '{ single = "alert" }')
    rehearsal.write_text(single, encoding="utf-8")
    said = leaping_flicbridge("pair", "poche", "--config", rehearsal)
    assert said.code == 0, said.err
    return rehearsal


def listed(flicbridge: Command, settings: Path) -> dict[str | None, dict[str, Any]]:
    said = flicbridge("buttons", "list", "--config", settings, "--json")
    assert said.code == 0, said.err
    return {button["name"]: button for button in said.json["buttons"]}


def stored(settings: Path) -> list[tuple[str, str | None, int | None]]:
    db = sqlite3.connect(settings.parent / "state" / "flicbridge.db")
    try:
        return db.execute("SELECT serial, pairing_json, event_count FROM button").fetchall()
    finally:
        db.close()


def in_file(settings: Path) -> dict[str, dict[str, Any]]:
    raw = tomllib.loads(settings.read_text(encoding="utf-8"))
    return {button["name"]: button for button in raw["buttons"]}


# -- list


def test_before_anything_was_paired_the_buttons_of_the_settings_are_listed(
    flicbridge: Command, rehearsal: Path
) -> None:
    buttons = listed(flicbridge, rehearsal)
    assert {name: button["paired"] for name, button in buttons.items()} == {"bureau": True, "poche": False}
    assert buttons["poche"]["link_mode"] == "always"
    assert buttons["bureau"]["link_mode"] is None
    assert not (rehearsal.parent / "state").exists()
    said = flicbridge("buttons", "list", "--config", rehearsal)
    assert "not running" in said.err
    assert "not paired" in said.out


def test_what_pairing_has_shown_is_listed_without_a_bridge(flicbridge: Command, paired: Path) -> None:
    button = listed(flicbridge, paired)["poche"]
    assert button["paired"] is True
    assert (button["battery_mv"], button["battery_percent"], button["rssi_dbm"]) == (3023, 100, -60)
    assert (button["firmware"], button["link"]) == (10, None)
    said = flicbridge("buttons", "list", "--config", paired)
    row = next(line for line in said.out.splitlines() if "poche" in line)
    for shown in (button["serial"], "paired", "always connected", "3.02 V (100 %)", "-60 dBm (good)"):
        assert shown in row


def test_a_pairing_that_the_settings_do_not_mention_is_listed_too(flicbridge: Command, paired: Path) -> None:
    serial = in_file(paired)["poche"]["serial"]
    text = paired.read_text(encoding="utf-8")
    paired.write_text(text.replace(f'serial = "{serial}"\n', ""), encoding="utf-8")
    buttons = listed(flicbridge, paired)
    assert buttons["poche"]["paired"] is False
    assert (buttons[None]["serial"], buttons[None]["paired"]) == (serial, True)
    assert "(not in the settings)" in flicbridge("buttons", "list", "--config", paired).out
    assert flicbridge("buttons", "forget", serial, "--yes", "--config", paired).code == 0
    assert None not in listed(flicbridge, paired)


# -- forget


def test_a_forgotten_button_has_no_key_and_keeps_its_counters(flicbridge: Command, paired: Path) -> None:
    ((serial, secret, count),) = stored(paired)
    assert secret is not None
    before = paired.read_text(encoding="utf-8")
    said = flicbridge("buttons", "forget", "poche", "--yes", "--config", paired)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"Forgotten: {serial}. Its alerts stay in the history.\n"
    assert stored(paired) == [(serial, None, count)]
    assert paired.read_text(encoding="utf-8") == before.replace(f'serial = "{serial}"\n', "")
    material = json.loads(secret)["material"].encode()
    files = list((paired.parent / "state").glob("flicbridge.db*"))
    assert not any(material in file.read_bytes() for file in files)
    assert listed(flicbridge, paired)["poche"]["battery_mv"] is None


class Terminal(io.StringIO):
    """A keyboard with somebody at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "is_kept"), [("n\n", True), ("y\n", False)])
def test_on_a_terminal_a_person_is_asked_first(
    flicbridge: Command, paired: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_kept: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    said = flicbridge("buttons", "forget", "poche", "--config", paired)
    assert said.code == (1 if is_kept else 0)
    assert "will not be heard any more. Forget it?" in said.err
    assert (stored(paired)[0][1] is not None) is is_kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forget", "poche"], "add --yes"),
        (["forget", "nobody", "--yes"], "there are: bureau, poche"),
        (["forget", "bureau", "--yes"], "bureau is not paired"),
        (["rename", "nobody", "veste"], "there are: bureau, poche"),
        (["rename", "poche", "bureau"], '"bureau" is taken'),
        (["rename", "poche", "La Veste"], "la-veste"),
        (["signal", "nobody"], "there are: bureau, poche"),
        (["signal", "bureau"], "no paired button"),
    ],
)
def test_what_cannot_be_is_wrong_input_and_changes_nothing(
    flicbridge: Command, paired: Path, arguments: list[str], message: str
) -> None:
    before = stored(paired), paired.read_bytes()
    said = flicbridge("buttons", *arguments, "--config", paired)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert (stored(paired), paired.read_bytes()) == before


# -- rename


def test_a_renamed_button_stays_who_it_is(
    flicbridge: Command, leaping_flicbridge: Command, paired: Path
) -> None:
    old, was = in_file(paired)["poche"], stored(paired)
    said = flicbridge("buttons", "rename", "poche", "veste", "--config", paired)
    assert (said.code, said.err) == (0, "")
    assert "poche is called veste now" in said.out
    assert in_file(paired)["veste"] == {**old, "name": "veste"}
    assert "# the one in the pocket" in paired.read_text(encoding="utf-8")
    assert stored(paired) == was
    assert listed(flicbridge, paired)["veste"]["battery_mv"] == 3023
    again = leaping_flicbridge("pair", "veste", "--again", "--config", paired, "--json")
    assert again.json["serial"] == old["serial"]


# -- beside a running bridge


def press(flicbridge: Command, settings: Path, button: str) -> dict[str, Any]:
    """Press the simulated button; it takes until the press is committed."""
    said = flicbridge("press", button, "--gesture", "single", "--config", settings, "--json")
    assert said.code == 0, said.err
    answer: dict[str, Any] = said.json
    return answer


def alerts(flicbridge: Command, settings: Path) -> list[dict[str, Any]]:
    said = flicbridge("alerts", "list", "--config", settings, "--json")
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = said.json["alerts"]
    return found


@pytest.mark.real_time
def test_a_running_bridge_takes_a_new_name_and_a_forgotten_button_up(
    flicbridge: Command, paired: Path, running_bridge: Running
) -> None:
    with running_bridge(paired):
        first = press(flicbridge, paired, "poche")
        assert first["effect"] == "raised"
        buttons = listed(flicbridge, paired)
        assert (buttons["poche"]["link"], buttons["poche"]["paired"]) == ("up", True)
        said = flicbridge("buttons", "rename", "poche", "veste", "--config", paired)
        assert "The bridge listens to veste now." in said.out
        assert listed(flicbridge, paired).keys() == {"bureau", "veste"}
        assert [alert["button"] for alert in alerts(flicbridge, paired)] == ["poche"]
        said = flicbridge("buttons", "forget", "veste", "--yes", "--config", paired)
        assert "The bridge does not listen to veste any more." in said.out
        assert listed(flicbridge, paired)["veste"]["paired"] is False


@pytest.mark.real_time
def test_removing_and_adding_again_loses_no_history_and_repeats_no_alert(
    flicbridge: Command, leaping_flicbridge: Command, paired: Path, running_bridge: Running
) -> None:
    with running_bridge(paired):
        first = press(flicbridge, paired, "poche")
        assert [alert["id"] for alert in alerts(flicbridge, paired)] == [first["alert_id"]], (
            "the proof was no alert"
        )
    assert flicbridge("buttons", "forget", "poche", "--yes", "--config", paired).code == 0
    assert [alert["id"] for alert in alerts(flicbridge, paired)] == [first["alert_id"]]
    assert leaping_flicbridge("pair", "poche", "--config", paired).code == 0
    with running_bridge(paired):
        second = press(flicbridge, paired, "poche")
        assert second["effect"] == "raised"
        found = [alert["id"] for alert in alerts(flicbridge, paired)]
    assert found == [second["alert_id"], first["alert_id"]]


@pytest.mark.real_time
def test_a_simulated_button_that_a_running_bridge_has_is_not_made_twice(
    flicbridge: Command, paired: Path, running_bridge: Running
) -> None:
    with running_bridge(paired):
        for command in (["pair", "poche", "--again"], ["buttons", "signal", "--seconds", 5]):
            said = flicbridge(*command, "--config", paired)
            assert (said.code, said.out) == (2, "")
            assert "stop it meanwhile" in said.err
