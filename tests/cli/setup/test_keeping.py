"""What the setup keeps: answers, measurements, secrets; and how it asks."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.cli.setup.draft import Draft
from flicbridge.cli.setup.evidence import Evidence, EvidenceFile, RadioFact
from flicbridge.cli.setup.private import write_private
from flicbridge.cli.setup.site import Site
from flicbridge.errors import ConfigError, InputError

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Person(Protocol):
    site: Site
    shown: str


class Said(Protocol):
    code: int
    err: str


type Typing = Callable[..., Person]


def test_what_is_not_answered_yet_is_stood_in_for_and_never_written(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "flicbridge.toml")
    draft.begin()
    draft.put("doctor", "name", value="Dr Anne Martin")
    before = draft.path.read_text(encoding="utf-8")
    settings = draft.settings()
    assert settings.doctor.name == "Dr Anne Martin"
    assert draft.path.read_text(encoding="utf-8") == before
    assert draft.missing() == ["bridge.id", "doctor.phone", "practice.name", "practice.address", "buttons",
                               "recipients", "plan"]  # fmt: skip


def test_a_file_that_is_there_is_not_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "flicbridge.toml"
    path.write_text("# mine\n", encoding="utf-8")
    Draft(path).begin()
    assert path.read_text(encoding="utf-8") == "# mine\n"


@pytest.mark.parametrize("text", ['[doctor]\nphone = "15"\n', "doctor = 1\n", "[unheard-of]\n"])
def test_what_cannot_work_is_told_by_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flicbridge.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        Draft(path).settings()


@pytest.mark.parametrize(
    "table",
    [
        '[recipients]\nname = "hub"\n',
        "[plan]\nafter = 1\n",
        '[buttons]\nname = "a"\n',
        "recipients = 1\n",
        "recipients = [1]\n",
    ],
)
def test_a_table_that_should_be_a_list_is_told_by_its_name(
    flicbridge: Callable[..., Said], tmp_path: Path, table: str
) -> None:
    path = tmp_path / "flicbridge.toml"
    path.write_text(table, encoding="utf-8")
    said = flicbridge("setup", "--config", path, "--language", "fr")
    assert said.code == 2
    assert table.strip("[").split()[0].rstrip("]") in said.err
    assert "broke" not in said.err


def test_a_real_practice_is_not_turned_into_a_rehearsal(
    flicbridge: Callable[..., Said], settings: Path
) -> None:
    before = settings.read_text(encoding="utf-8")
    said = flicbridge("setup", "--simulated", "--config", settings, "--language", "en")
    assert said.code == 2
    assert "real radio" in said.err
    assert settings.read_text(encoding="utf-8") == before


def test_damaged_measurements_are_made_again(tmp_path: Path) -> None:
    file = EvidenceFile.beside(tmp_path / "flicbridge.toml")
    assert file.read() == Evidence()
    file.note(radio=RadioFact(at=NOON, works=True))
    assert file.read().radio == RadioFact(at=NOON, works=True)
    file.path.write_text('{"radio": 7', encoding="utf-8")
    assert file.read() == Evidence()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")
def test_a_private_file_takes_the_place_of_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    path.parent.mkdir()
    path.write_text("old", encoding="ascii")
    path.chmod(0o644)
    write_private(path, "new\n")
    assert path.read_text(encoding="ascii") == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_a_folder_that_is_in_the_way_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("", encoding="ascii")
    with pytest.raises(InputError, match=r"cannot write .*Run this as a user who may"):
        write_private(tmp_path / "secrets" / "key", "x")


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has owners")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: given.append((uid, gid)))
    write_private(tmp_path / "key", "x")
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


@pytest.mark.parametrize(
    ("typed", "meant"), [("y", True), ("o", True), ("OUI", True), ("n", False), ("No", False), ("", True)]
)
def test_yes_and_no_are_understood_in_both_languages(person: Typing, typed: str, meant: bool) -> None:
    assert person(typed).site.talk.agrees("Really?", default=True) is meant


def test_what_is_neither_yes_nor_no_is_asked_again(person: Typing) -> None:
    somebody = person("perhaps", "n")
    assert somebody.site.talk.agrees("Really?", default=True) is False
    assert "Type y for yes, n for no." in somebody.shown


def test_an_answer_that_may_be_left_out_can_be_taken_back(person: Typing) -> None:
    def read(text: str) -> str:
        return text.upper()

    talk = person("", "-", "cave").site.talk
    assert [talk.ask_optional("Room", read, "kept") for _ in range(3)] == ["KEPT", "", "CAVE"]


@pytest.mark.parametrize("typed", ["0", "3", "-1", "two", "1.0"])
def test_only_numbers_that_are_offered_choose(person: Typing, typed: str) -> None:
    somebody = person(typed, "2")
    assert somebody.site.talk.choose("Which", ["a", "b"]) == 1
    assert "Type one of the numbers from 1 to 2." in somebody.shown


def test_a_secret_is_not_shown(person: Typing) -> None:
    somebody = person("hush")
    assert somebody.site.talk.secret("Password") == "hush"
    assert "hush" not in somebody.shown


def test_when_nobody_is_there_any_more_the_talk_ends(person: Typing) -> None:
    talk: Any = person().site.talk
    with pytest.raises(EOFError):
        talk.ask("Who", str)
