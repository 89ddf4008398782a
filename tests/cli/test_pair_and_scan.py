"""`flicbridge scan` and `flicbridge pair`, over the simulated radio and through the real driver."""

import io
import os
import re
import sqlite3
import stat
import tomllib
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.press.flic2.refusals import SENTENCES
from flicbridge.texts import translator

pytest.importorskip("bumble", reason="needs the extra `simulator`")


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


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
    ((kept, secret, boot_id, event_count, _),) = rows(rehearsal, "SELECT * FROM button")
    assert kept == serial
    assert secret
    assert None not in (boot_id, event_count), "the press that paired it would be taken for a call for help"
    assert flicbridge("config", "check", rehearsal).code == 0


@pytest.mark.usefixtures("leaping")
def test_a_person_is_told_what_to_do_and_no_secret(flicbridge: Command, rehearsal: Path) -> None:
    said = flicbridge("pair", "poche", "--config", rehearsal)
    assert said.code == 0
    first, *_ = said.err.splitlines()
    assert "about 7 seconds" in first
    paired, _written, line, invitation, heard, bridge = said.out.splitlines()
    assert re.fullmatch(
        r"Paired: Flic 2 BS\S+, firmware 10, battery 3\.02 V \(100 %\), signal -60 dBm \(good\)\.", paired
    )
    assert line.startswith("serial = ")
    assert invitation.startswith("Press the button now")
    assert re.match(r"Heard after \d\.\d s\.", heard)
    assert bridge.startswith("The bridge takes this up when it is started. Next: ")
    ((secret,),) = rows(rehearsal, "SELECT pairing_json FROM button")
    material = secret.split('"material": "')[1].split('"')[0]
    assert len(material) == 40
    assert material not in said.out + said.err


@pytest.mark.usefixtures("leaping")
def test_the_press_of_the_proof_is_settled(flicbridge: Command, rehearsal: Path) -> None:
    """The hold that paired it takes counts 1 to 3, so the proof is the press with counts 5 to 8."""
    said = flicbridge("pair", "poche", "--config", rehearsal, "--json")
    assert said.json["proof"]["heard"] is True
    assert 0 <= said.json["proof"]["after_s"] < 3
    assert rows(rehearsal, "SELECT event_count FROM button") == [(8,)]


@pytest.mark.usefixtures("leaping")
def test_the_proof_can_be_skipped(flicbridge: Command, rehearsal: Path) -> None:
    said = flicbridge("pair", "poche", "--no-proof", "--config", rehearsal, "--json")
    assert (said.code, said.json["proof"]) == (0, None)
    assert rows(rehearsal, "SELECT event_count FROM button") == [(3,)]


@pytest.mark.usefixtures("leaping")
def test_a_pairing_without_its_proof_is_kept_and_said_to_be_unproven(
    flicbridge: Command, rehearsal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flicbridge.cli.pairing.TAP", [(600.0, 600.1)])  # nobody presses in time
    said = flicbridge("pair", "poche", "--config", rehearsal)
    assert said.code == 1
    assert "No press was heard within 30 s. The pairing is kept" in said.out
    ((serial, secret),) = rows(rehearsal, "SELECT serial, pairing_json FROM button")
    assert secret
    assert serials(rehearsal)["poche"] == serial


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")
@pytest.mark.usefixtures("leaping")
def test_keys_are_readable_by_their_owner_alone(flicbridge: Command, rehearsal: Path) -> None:
    assert flicbridge("pair", "poche", "--no-proof", "--config", rehearsal).code == 0
    modes = {
        stat.S_IMODE(file.stat().st_mode) for file in (rehearsal.parent / "state").glob("flicbridge.db*")
    }
    assert modes == {0o600}


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
    said = flicbridge("pair", "ceinture", "--no-proof", "--config", rehearsal, "--json")
    assert tomllib.loads("\n".join(said.json["lines"]))["buttons"][0]["name"] == "ceinture"
    assert serials(rehearsal) == {"bureau": "", "poche": "", "ceinture": said.json["serial"]}
    assert flicbridge("config", "check", rehearsal).code == 0


@pytest.mark.usefixtures("leaping")
def test_a_button_that_is_paired_already_is_not_paired_again_by_mistake(
    flicbridge: Command, rehearsal: Path
) -> None:
    assert flicbridge("pair", "poche", "--no-proof", "--config", rehearsal).code == 0
    before = rows(rehearsal, "SELECT * FROM button")
    said = flicbridge("pair", "poche", "--config", rehearsal)
    assert (said.code, said.out) == (2, "")
    assert "flicbridge buttons forget poche" in said.err
    assert "--again" in said.err
    assert rows(rehearsal, "SELECT * FROM button") == before


@pytest.mark.usefixtures("leaping")
def test_a_button_is_paired_again_when_that_is_asked_for(flicbridge: Command, rehearsal: Path) -> None:
    first = flicbridge("pair", "poche", "--no-proof", "--config", rehearsal, "--json").json["serial"]
    ((old,),) = rows(rehearsal, "SELECT pairing_json FROM button")
    said = flicbridge("pair", "poche", "--again", "--config", rehearsal, "--json")
    assert (said.code, said.json["serial"], said.json["proof"]["heard"]) == (0, first, True)
    ((new,),) = rows(rehearsal, "SELECT pairing_json FROM button")
    assert new != old


@pytest.mark.usefixtures("leaping")
def test_another_button_in_the_place_of_a_lost_one_leaves_no_key_behind(
    flicbridge: Command, rehearsal: Path
) -> None:
    lost = flicbridge("pair", "poche", "--no-proof", "--config", rehearsal, "--json").json["serial"]
    # What the simulated button is called decides who it is, so another one takes its place like this.
    state = rehearsal.parent / "state" / "simulated"
    (state / "poche.json").unlink()
    assert flicbridge("pair", "tiroir", "--no-proof", "--print", "--config", rehearsal).code == 0
    assert (
        flicbridge("buttons", "forget", serials_of_tiroir(rehearsal), "--yes", "--config", rehearsal).code
        == 0
    )
    (state / "tiroir.json").rename(state / "poche.json")
    said = flicbridge("pair", "poche", "--again", "--no-proof", "--config", rehearsal, "--json")
    assert said.code == 0, said.err
    assert said.json["serial"] != lost
    kept = dict(rows(rehearsal, "SELECT serial, pairing_json IS NOT NULL FROM button"))
    assert kept == {lost: 0, said.json["serial"]: 1}


def serials_of_tiroir(settings: Path) -> str:
    """The serial number of the only button that is paired and not in the settings."""
    ((serial,),) = [
        (serial,)
        for (serial,) in rows(settings, "SELECT serial FROM button WHERE pairing_json IS NOT NULL")
        if serial not in serials(settings).values()
    ]
    return str(serial)


@pytest.mark.usefixtures("leaping")
def test_the_button_of_somebody_else_here_is_left_alone(flicbridge: Command, rehearsal: Path) -> None:
    """The installer holds the button called poche and says that it is called tiroir."""
    serial = flicbridge("pair", "poche", "--no-proof", "--config", rehearsal, "--json").json["serial"]
    before = rows(rehearsal, "SELECT * FROM button")
    state = rehearsal.parent / "state" / "simulated"
    (state / "poche.json").rename(state / "tiroir.json")
    said = flicbridge("pair", "tiroir", "--config", rehearsal)
    assert (said.code, said.out) == (1, "")
    last = said.err.splitlines()[-1]
    assert last.startswith("This button is paired with this bridge already, as poche")
    assert "A button in pairing mode belongs to this bridge already" in said.err
    assert rows(rehearsal, "SELECT * FROM button") == before
    assert serials(rehearsal) == {"bureau": "", "poche": serial}


@pytest.mark.usefixtures("leaping")
def test_a_button_that_is_not_held_is_refused_with_one_sentence(flicbridge: Command, rehearsal: Path) -> None:
    said = flicbridge("pair", "poche", "--timeout", 5, "--config", rehearsal)  # it is held for longer
    assert (said.code, said.out) == (1, "")
    assert "7 seconds" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err
    assert serials(rehearsal) == {"bureau": "", "poche": ""}


@pytest.mark.usefixtures("leaping")
def test_an_installer_reads_french(flicbridge: Command, french_rehearsal: Path) -> None:
    said = flicbridge("pair", "poche", "--timeout", 5, "--config", french_rehearsal)
    assert said.err.splitlines()[-1].startswith("Un Flic a été vu")
    said = flicbridge("pair", "poche", "--config", french_rehearsal)
    assert "pile 3,02 V (100 %), signal -60 dBm (bon)" in said.out
    assert re.search(r"Entendu après \d,\d s", said.out)


@pytest.mark.parametrize("reason", SENTENCES)
def test_every_refusal_has_a_sentence_in_french(reason: str) -> None:
    assert translator("fr").gettext(SENTENCES[reason]) != SENTENCES[reason]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bureau"], "nothing to pair"),
        (["Poche de gauche"], "poche-de-gauche"),
    ],
)
def test_a_name_that_cannot_be_a_flic_is_wrong_input(
    flicbridge: Command, rehearsal: Path, arguments: list[str], message: str
) -> None:
    said = flicbridge("pair", *arguments, "--config", rehearsal)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_without_a_name_and_without_a_terminal_there_is_nobody_to_ask(
    flicbridge: Command, rehearsal: Path
) -> None:
    said = flicbridge("pair", "--config", rehearsal)
    assert (said.code, said.out) == (2, "")
    assert "`flicbridge pair NAME`, such as poche" in said.err


class Terminal(io.StringIO):
    """A keyboard with somebody at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("leaping")
def test_on_a_terminal_the_name_is_asked_for_and_the_unpaired_ones_are_proposed(
    flicbridge: Command, rehearsal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("\n"))
    said = flicbridge("pair", "--no-proof", "--config", rehearsal, "--json")
    assert (said.code, said.json["button"]) == (0, "poche")
    assert "not paired yet: poche" in said.err
    monkeypatch.setattr("sys.stdin", Terminal("tiroir\n"))
    said = flicbridge("pair", "--no-proof", "--config", rehearsal, "--json")
    assert said.json["button"] == "tiroir"


@pytest.mark.usefixtures("leaping")
@pytest.mark.parametrize(("answer", "code"), [("n\n", 2), ("y\n", 0)])
def test_on_a_terminal_a_person_may_say_that_a_paired_button_is_meant(
    flicbridge: Command, rehearsal: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    assert flicbridge("pair", "poche", "--no-proof", "--config", rehearsal).code == 0
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert flicbridge("pair", "poche", "--no-proof", "--config", rehearsal).code == code


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
