"""Pairing writes one line into an installer's file and changes nothing else."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.config import example, load
from flicbridge.config.write import button_lines, remove_serial, rename_button, write_serial
from flicbridge.errors import ConfigError, Problem

SERIAL = "BF12-A34567"
LINE = f'serial = "{SERIAL}"'


def problem_of(path: Path, button: str = "poche", serial: str = SERIAL) -> Problem:
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ConfigError) as raised:
        write_serial(path, button, serial)
    assert (path.read_bytes() if path.exists() else None) == before
    (problem,) = raised.value.problems
    return problem


def test_a_missing_serial_goes_below_the_family(sound: Path) -> None:
    before = sound.read_text(encoding="utf-8")
    assert write_serial(sound, "poche", SERIAL) == [LINE]
    after = sound.read_text(encoding="utf-8")
    assert after == before.replace('family = "flic2"\n', f'family = "flic2"\n{LINE}\n')
    assert load(sound).buttons[0].serial == SERIAL


def test_an_empty_serial_is_filled_in_and_its_comment_stays(tmp_path: Path) -> None:
    path = tmp_path / "practice.toml"
    path.write_text(example(), encoding="utf-8")
    assert write_serial(path, "poche", SERIAL) == [LINE]
    assert path.read_text(encoding="utf-8") == example().replace('serial = ""', LINE)


def test_a_new_serial_takes_the_place_of_the_old_one(sound: Path) -> None:
    write_serial(sound, "poche", "BF99-A99999")
    write_serial(sound, "poche", SERIAL)
    assert sound.read_text(encoding="utf-8").count("serial") == 1
    assert load(sound).buttons[0].serial == SERIAL


def test_a_serial_that_is_there_already_leaves_the_file_alone(sound: Path) -> None:
    write_serial(sound, "poche", SERIAL)
    sound.chmod(0o444)
    before = sound.stat()
    assert write_serial(sound, "poche", SERIAL) == [LINE]
    assert (sound.stat().st_ino, sound.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_unknown_button_gets_a_table_at_the_end(sound: Path) -> None:
    before = sound.read_text(encoding="utf-8")
    written = write_serial(sound, "tiroir", SERIAL)
    assert written == button_lines("tiroir", SERIAL)
    assert sound.read_text(encoding="utf-8") == before + "\n" + "\n".join(written) + "\n"
    button = load(sound).buttons[1]
    assert (button.name, button.serial, list(button.gestures)) == ("tiroir", SERIAL, ["long"])


def test_a_file_without_an_end_of_line_stays_readable(sound: Path) -> None:
    sound.write_text(sound.read_text(encoding="utf-8").rstrip(), encoding="utf-8")
    write_serial(sound, "tiroir", SERIAL)
    assert load(sound).buttons[1].serial == SERIAL


def test_windows_line_endings_stay(sound: Path) -> None:
    sound.write_bytes(sound.read_bytes().replace(b"\n", b"\r\n"))
    write_serial(sound, "poche", SERIAL)
    write_serial(sound, "tiroir", "BF99-A99999")
    content = sound.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert [button.serial for button in load(sound).buttons] == [SERIAL, "BF99-A99999"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'buttons = [{ name = "a" }, { name = "poche" }] # both\n',
            'buttons = [{ name = "a" }, { name = "poche", serial = "BF12-A34567"}] # both\n',
        ),
        ('[[buttons]]\n  name = "poche" # p', f'[[buttons]]\n  name = "poche" # p\n  {LINE}'),
        ('[[buttons]]\r\nname = "poche"', f'[[buttons]]\r\nname = "poche"\r\n{LINE}'),
        (
            '[[buttons]]\nname = "x"\n[[buttons]]\n# \u2028\x85\nname = "poche"\n[buttons.x]\n',
            f'[[buttons]]\nname = "x"\n[[buttons]]\n# \u2028\x85\nname = "poche"\n{LINE}\n[buttons.x]\n',
        ),
    ],
)
def test_every_layout_keeps_its_shape(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "practice.toml"
    path.write_bytes(before.encode())
    write_serial(path, "poche", SERIAL)
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize(
    "text",
    [
        'buttons = "none"\n',
        'buttons = [{ name = "other" }]\n',
        '[[buttons]]\nname = """\npoche"""\nfamily = """\nflic2"""\n',
        "[buttons]\nname = 1\n",
    ],
)
def test_what_cannot_be_edited_safely_is_left_alone_with_the_lines_to_add(tmp_path: Path, text: str) -> None:
    path = tmp_path / "practice.toml"
    path.write_text(text)
    problem = problem_of(path, "poche")
    assert problem.what == "is laid out in a way that cannot be edited safely"
    assert LINE in problem.remedy


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_access_rights_stay(sound: Path, mode: int) -> None:
    sound.chmod(mode)
    write_serial(sound, "poche", SERIAL)
    assert stat.S_IMODE(sound.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_stays_a_link(sound: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(sound)
    write_serial(link, "poche", SERIAL)
    assert link.is_symlink()
    assert LINE in sound.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_replaced_is_left_alone(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    problem = problem_of(sound)
    assert problem.what == "cannot be written (Permission denied)"
    assert LINE in problem.remedy
    assert sorted(path.name for path in sound.parent.iterdir()) == ["practice.toml", "secrets"]


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "nowhere.toml").what == "does not exist"


@pytest.mark.parametrize(
    ("button", "serial"),
    [('x"\nfamily = "virtual', SERIAL), ("poche", 'BF12"\nname = "x'), ("Poche", SERIAL)],
)
def test_nothing_but_a_name_gets_into_the_file(sound: Path, button: str, serial: str) -> None:
    assert problem_of(sound, button, serial).where in ("buttons.name", "buttons.serial")


def test_a_new_table_says_that_its_button_is_simulated(sound: Path) -> None:
    written = write_serial(sound, "tiroir", SERIAL, simulated=True)
    assert written == button_lines("tiroir", SERIAL, simulated=True)
    assert tomllib.loads(sound.read_text(encoding="utf-8"))["buttons"][1]["simulated"] is True


# -- forgetting


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f'[[buttons]]\nname = "poche" # p\n# nr\n{LINE} # s\nfamily = "flic2"\n',
            '[[buttons]]\nname = "poche" # p\n# nr\nfamily = "flic2"\n',
        ),
        (
            'buttons = [{ name = "a" }, { name = "poche", serial = "BF12-A34567" }] # both\n',
            'buttons = [{ name = "a" }, { name = "poche"  }] # both\n',
        ),
        (
            f'[[buttons]]\r\nname = "poche"\r\n{LINE}\r\n[log]\r\n',
            '[[buttons]]\r\nname = "poche"\r\n[log]\r\n',
        ),
    ],
)
def test_a_serial_goes_and_everything_else_stays(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "practice.toml"
    path.write_bytes(before.encode())
    assert remove_serial(path, "poche") is True
    assert path.read_bytes().decode() == after


def test_tables_in_any_order_stay_where_they_are(tmp_path: Path) -> None:
    """An editing library may gather what belongs together."""
    path = tmp_path / "practice.toml"
    before = '[[buttons]]\nname = "a"\n\n[radio]\nx = 1\n\n# mine\n[[buttons]]\nname = "poche"\n\n[log]\n'
    path.write_text(before)
    write_serial(path, "poche", SERIAL)
    rename_button(path, "poche", "veste")
    assert path.read_text() == before.replace('"poche"\n', f'"veste"\n{LINE}\n')
    write_serial(path, "veste", "BF99-A99999")
    assert path.read_text() == before.replace('"poche"\n', '"veste"\nserial = "BF99-A99999"\n')
    remove_serial(path, "veste")
    assert path.read_text() == before.replace("poche", "veste")


def test_a_name_that_stands_beside_its_like_changes_alone(tmp_path: Path) -> None:
    path = tmp_path / "practice.toml"
    path.write_text('buttons = [{ name = "poche" }]\nround = { button = "poche", label = "poche" }\n')
    assert rename_button(path, "poche", "veste") == 2
    assert tomllib.loads(path.read_text()) == {
        "buttons": [{"name": "veste"}],
        "round": {"button": "veste", "label": "poche"},
    }


@pytest.mark.parametrize("button", ["poche", "nobody"])
def test_where_no_serial_is_nothing_is_written(sound: Path, button: str) -> None:
    before = sound.stat()
    assert remove_serial(sound, button) is False
    assert sound.stat().st_mtime_ns == before.st_mtime_ns


# -- renaming

REFERENCES = """\
[[buttons]]
name = "poche"   # hidden
family = "flic2"

[[buttons]]
name = "tiroir"

[rounds]
button = "poche" # which
buttons = [ "tiroir", "poche", ] # both
inner = [ { button = "poche" }, "poche" ]

[other]
name = "poche"
"""


def test_a_name_changes_wherever_a_button_is_meant_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "practice.toml"
    path.write_text(REFERENCES)
    assert rename_button(path, "poche", "veste") == 4
    expected = REFERENCES.replace('name = "poche"   #', 'name = "veste"   #').replace(
        'button = "poche"', 'button = "veste"'
    )
    assert path.read_text() == expected.replace('"tiroir", "poche"', '"tiroir", "veste"')


def test_the_example_keeps_every_comment_when_a_button_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "practice.toml"
    path.write_text(example(), encoding="utf-8")
    assert rename_button(path, "poche", "veste") == 1
    assert path.read_text(encoding="utf-8") == example().replace('name = "poche"', 'name = "veste"')


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("nobody", "veste", 'no button is called "nobody"'),
        ("poche", "poche", 'the name "poche" is taken'),
        ("poche", 'x"\nfamily = "virtual', "name"),
    ],
)
def test_a_renaming_that_cannot_be_leaves_the_file_alone(sound: Path, old: str, new: str, what: str) -> None:
    before = sound.read_bytes()
    with pytest.raises(ConfigError) as raised:
        rename_button(sound, old, new)
    assert what in str(raised.value)
    assert sound.read_bytes() == before


def test_a_renaming_that_cannot_be_written_says_what_to_do(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ConfigError, match=r'Permission denied.*Write "veste" for "poche" by hand'):
        rename_button(sound, "poche", "veste")


names = st.sampled_from(["poche", "tiroir", "accueil"])


@settings(deadline=None)
@given(
    buttons=st.lists(names, unique=True),
    paired=st.sets(names),
    button=names,
    gap=st.sampled_from(["\n", " # x\n"]),
)
def test_only_one_button_changes_whatever_else_is_there(
    tmp_path_factory: pytest.TempPathFactory, buttons: list[str], paired: set[str], button: str, gap: str
) -> None:
    path = tmp_path_factory.mktemp("write") / "practice.toml"
    tables = [
        f'[[buttons]]\nname = "{name}"{gap}' + ('serial = "OLD1-OLD1"\n' if name in paired else "")
        for name in buttons
    ]
    path.write_text("\n".join([*tables, "[log]"]))
    before = tomllib.loads(path.read_text())
    write_serial(path, button, SERIAL)
    after = tomllib.loads(path.read_text())
    kept = [entry for entry in before.get("buttons", []) if entry["name"] != button]
    assert [entry for entry in after["buttons"] if entry["name"] != button] == kept
    assert [entry["serial"] for entry in after["buttons"] if entry["name"] == button] == [SERIAL]
    assert after["log"] == {}
