"""`flicbridge scan` and `flicbridge pair`, over the simulated radio and through the real driver."""

import os
import sqlite3
import tomllib
from pathlib import Path
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


REHEARSAL = """
[radio]
simulated = true

# the one in the pocket
[[buttons]]
name = "poche"
family = "flic2"        # hidden
simulated = true
gestures = { long = "alert" }
"""


@pytest.fixture
def rehearsal(settings: Path) -> Path:
    """Settings with a simulated Flic that is not paired yet."""
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[[recipients]]", REHEARSAL + "\n[[recipients]]"), encoding="utf-8")
    return settings


def rows(settings: Path, query: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(settings.parent / "state" / "flicbridge.db")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def serials(settings: Path) -> dict[str, str]:
    raw = tomllib.loads(settings.read_text(encoding="utf-8"))
    return {button["name"]: button.get("serial", "") for button in raw["buttons"]}


@pytest.mark.usefixtures("leaping")
def test_a_scan_shows_the_buttons_in_reach(flicbridge: Command, rehearsal: Path) -> None:
    said = flicbridge("scan", "--seconds", 20, "--config", rehearsal, "--json")
    assert said.code == 0
    (flic,) = said.json["buttons"]
    assert flic["address"].startswith("80:E4:DA:")
    assert flic["is_public"] is True
    said = flicbridge("scan", "--seconds", 20, "--config", rehearsal)
    assert flic["address"] in said.out
    assert "ready to be paired" in said.out


@pytest.mark.usefixtures("leaping")
def test_a_pairing_is_kept_and_the_serial_is_written_into_the_settings(
    flicbridge: Command, rehearsal: Path
) -> None:
    before = rehearsal.read_text(encoding="utf-8")
    said = flicbridge("pair", "poche", "--config", rehearsal, "--json")
    assert said.code == 0, said.err
    serial = said.json["serial"]
    assert (said.json["button"], said.json["written"]) == ("poche", True)
    assert serials(rehearsal) == {"bureau": "", "poche": serial}
    lines = set(rehearsal.read_text(encoding="utf-8").splitlines())
    assert lines - set(before.splitlines()) == {f'serial = "{serial}"'}
    ((kept, secret, boot_id, event_count),) = rows(rehearsal, "SELECT * FROM button")
    assert kept == serial
    assert secret
    assert None not in (boot_id, event_count), "the press that paired it would be taken for a call for help"
    assert flicbridge("config", "check", rehearsal).code == 0


@pytest.mark.usefixtures("leaping")
def test_a_person_is_told_what_to_do_and_no_secret(flicbridge: Command, rehearsal: Path) -> None:
    said = flicbridge("pair", "--config", rehearsal)
    assert said.code == 0
    first, *_ = said.err.splitlines()
    assert "about 7 seconds" in first
    assert said.out.splitlines()[0].startswith("Paired: ")
    ((secret,),) = rows(rehearsal, "SELECT pairing_json FROM button")
    material = secret.split('"material": "')[1].split('"')[0]
    assert len(material) == 40
    assert material not in said.out + said.err


@pytest.mark.usefixtures("leaping")
def test_the_lines_can_be_printed_instead(flicbridge: Command, rehearsal: Path) -> None:
    before = rehearsal.read_text(encoding="utf-8")
    said = flicbridge("pair", "poche", "--print", "--config", rehearsal)
    assert said.code == 0
    assert rehearsal.read_text(encoding="utf-8") == before
    ((serial,),) = rows(rehearsal, "SELECT serial FROM button")
    assert said.out == f'serial = "{serial}"\n'


@pytest.mark.usefixtures("leaping")
def test_a_button_the_settings_do_not_know_gets_a_table_of_its_own(
    flicbridge: Command, rehearsal: Path
) -> None:
    said = flicbridge("pair", "ceinture", "--print", "--config", rehearsal, "--json")
    assert tomllib.loads("\n".join(said.json["lines"]))["buttons"][0]["name"] == "ceinture"


@pytest.mark.usefixtures("leaping")
def test_a_button_that_is_not_held_is_refused_with_one_sentence(flicbridge: Command, rehearsal: Path) -> None:
    assert flicbridge("pair", "poche", "--config", rehearsal).code == 0
    # It remembers its host now, and nobody holds it again.
    said = flicbridge("pair", "poche", "--timeout", 5, "--config", rehearsal)
    assert (said.code, said.out) == (1, "")
    assert "7 seconds" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bureau"], "virtual"),
        (["Poche de gauche"], "poche-de-gauche"),
    ],
)
def test_a_name_that_cannot_be_a_flic_is_wrong_input(
    flicbridge: Command, rehearsal: Path, arguments: list[str], message: str
) -> None:
    said = flicbridge("pair", *arguments, "--config", rehearsal)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_without_a_name_it_must_be_clear_which_button_is_meant(flicbridge: Command, settings: Path) -> None:
    assert "flicbridge pair poche" in flicbridge("pair", "--config", settings).err
    text = settings.read_text(encoding="utf-8")
    two = REHEARSAL + REHEARSAL.replace("[radio]\nsimulated = true\n", "").replace("poche", "ceinture")
    settings.write_text(text.replace("[[recipients]]", two + "\n[[recipients]]"), encoding="utf-8")
    said = flicbridge("pair", "--config", settings)
    assert said.code == 2
    assert "poche, ceinture" in said.err


def test_a_folder_that_cannot_be_made_is_said_before_the_button_is_asked(
    flicbridge: Command, rehearsal: Path
) -> None:
    (rehearsal.parent / "state").write_text("in the way", encoding="ascii")
    said = flicbridge("pair", "poche", "--config", rehearsal)
    assert said.code == 2
    assert "state_dir" in said.err


@pytest.mark.usefixtures("leaping")
def test_what_root_pairs_belongs_to_the_user_of_the_bridge(
    flicbridge: Command, rehearsal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: given.update({Path(path).name: (uid, gid)}))
    assert flicbridge("pair", "poche", "--print", "--config", rehearsal).code == 0
    owner = (rehearsal.parent / "state").stat()
    assert given["flicbridge.db"] == (owner.st_uid, owner.st_gid)
