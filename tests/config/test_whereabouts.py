"""What is left of a settings file that holds a mistake: enough to find its bridge, and no wrong guess."""

from pathlib import Path

import pytest

from flicbridge.config import default_state_dir, load
from flicbridge.config.whereabouts import Whereabouts

BRIDGE = '[bridge]\nid = "tilleuls-1"\n'


def salvaged(folder: Path, text: str) -> Whereabouts:
    path = folder / "practice.toml"
    path.write_text(text, encoding="utf-8")
    found = Whereabouts.salvage(path)
    assert found is not None
    return found


def test_of_a_sound_file_it_is_what_the_file_says(sound: Path) -> None:
    text = sound.read_text(encoding="utf-8").replace("[doctor]", '[alerts]\nduress_pin = "pin"\n\n[doctor]')
    sound.write_text(text, encoding="utf-8")
    settings = load(sound, secrets=False)
    assert Whereabouts.of(settings) == Whereabouts(settings.bridge, is_guess=False, may_have_pin=True)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "[doctor]\nphone = 5\n",
        "buttons = 3\n",
        '[[buttons\nname = "poche"',
        "[doctor]\nname = 'Dr",
        '[doctor]\nname = """',
        '[[plan]]\nnotify = ["a", \n[[plan]]\n',
    ],
)
def test_its_own_table_is_read_whatever_stands_below(tmp_path: Path, rest: str) -> None:
    said = BRIDGE + 'state_dir = "state"\nlanguage = "en"\ntimezone = "Europe/Brussels"\n'
    found = salvaged(tmp_path, said + rest)
    assert (found.bridge.state_dir, found.is_guess) == (tmp_path / "state", False)
    assert (found.bridge.language, found.bridge.timezone) == ("en", "Europe/Brussels")


def test_what_is_wrong_in_its_own_table_is_left_out_alone(tmp_path: Path) -> None:
    text = 'state_dir = "/srv/state"\nlanguage = "eo"\ntimezone = "Mars"\nid = "a b"\nunknown = 1\n'
    found = salvaged(tmp_path, "[bridge]\n" + text)
    assert (found.bridge.state_dir, found.is_guess) == (Path("/srv/state"), False)
    assert (found.bridge.language, found.bridge.timezone) == ("fr", "Europe/Paris")


@pytest.mark.parametrize(
    "text", ["", BRIDGE, "bridge = 3", "[bridge]\nstate_dir = 5", "[bridge]\nstate_dir = 'x", "state_dir ="]
)
def test_a_folder_that_does_not_stand_there_is_only_a_guess(tmp_path: Path, text: str) -> None:
    found = salvaged(tmp_path, text)
    assert (found.bridge.state_dir, found.is_guess) == (default_state_dir(), True)


@pytest.mark.parametrize(
    ("rest", "may_have_pin"),
    [
        ("", False),
        ("[alerts]\nfresh = 5", False),
        ('[alerts]\nduress_pin = "pin"', True),
        ("[alerts]\nduress_pin = 5", True),
        ("alerts = 5", True),
        ("[alerts\n", True),
    ],
)
def test_a_pin_is_asked_for_unless_it_is_known_that_there_is_none(
    tmp_path: Path, rest: str, may_have_pin: bool
) -> None:
    assert salvaged(tmp_path, f"{rest}\n{BRIDGE}").may_have_pin is may_have_pin


def test_what_is_no_text_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "practice.toml").write_bytes(b"\xff\xfe\x00")
    assert Whereabouts.salvage(tmp_path / "practice.toml") is None
    assert Whereabouts.salvage(tmp_path / "missing.toml") is None
