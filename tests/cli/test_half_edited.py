"""A bridge that runs can be asked and pressed, whatever somebody has since saved into its settings file."""

import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

pytestmark = pytest.mark.real_time

MISTAKES = {
    "a key that nobody knows": ("[alerts]", "[alerts]\njoin_witin = 5"),
    "a recipient that nobody knows": ('notify = ["hub"]', 'notify = ["hub", "sam"]'),
    "a language that nobody speaks": ('language = "en"', 'language = "eo"'),
    "half a line": ("[[recipients]]", "[[recipients"),
    "half a string far below": ('notify = ["hub"]', 'notify = ["hub'),
}
ASKING = (
    ("status",),
    ("status", "--json"),
    ("metrics",),
    ("press", "bureau"),
    ("alerts", "list"),
    ("test",),
    ("test", "--list"),
)


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


def spoil(settings: Path, mistake: str) -> None:
    """Save the file with a mistake in it."""
    old, new = MISTAKES[mistake]
    text = settings.read_text(encoding="utf-8")
    assert old in text
    settings.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """`default_folder(path)`: where the state goes on this platform if nobody says."""

    def is_at(folder: Path) -> None:
        folders = SimpleNamespace(
            user_state_path=folder, user_config_path=tmp_path / "none", site_config_path=tmp_path / "none"
        )
        monkeypatch.setattr("flicbridge.config.places._folders", lambda **_: folders)

    return is_at


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_saved_meanwhile_keeps_nobody_from_pressing_and_asking(
    flicbridge: Command, settings: Path, mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())  # whoever cannot know whether there is a PIN asks for it
    spoil(settings, mistake)
    assert flicbridge("config", "check", settings).code == 2
    pressed = flicbridge("press", "bureau", "--config", settings, "--json")
    assert (pressed.code, pressed.json["effect"]) == (0, "raised")
    assert re.fullmatch(r"[^\n]*flicbridge\.toml[^\n]*`flicbridge config check`[^\n]*\n", pressed.err)
    shown = flicbridge("alerts", "show", pressed.json["alert_id"], "--config", settings, "--json")
    assert shown.json["id"] == pressed.json["alert_id"]
    for move in ("ack", "close"):
        moved = flicbridge("alerts", move, pressed.json["alert_id"], "--config", settings, "--json")
        assert (moved.code, moved.json["alert_id"]) == (0, pressed.json["alert_id"])
    assert flicbridge("metrics", "--config", settings).out.startswith("# HELP flicbridge_")
    assert flicbridge("status", "--config", settings, "--json").json["bridge"]["id"] == "tilleuls-1"


@pytest.mark.usefixtures("bridge")
def test_a_file_that_says_no_folder_any_more_leads_to_the_bridge_in_the_default_one(
    flicbridge: Command, settings: Path, default_folder: Callable[[Path], None]
) -> None:
    default_folder(settings.parent / "state")
    settings.write_text('[bridge\nid = "tilleuls-1"\n', encoding="utf-8")
    said = flicbridge("status", "--config", settings, "--json")
    assert said.json["bridge"]["id"] == "tilleuls-1"
    assert "config check" in said.err


@pytest.mark.usefixtures("bridge")
def test_the_bridge_in_the_default_folder_needs_no_settings_file_to_be_asked(
    flicbridge: Command, settings: Path, tmp_path: Path, default_folder: Callable[[Path], None]
) -> None:
    default_folder(settings.parent / "state")
    said = flicbridge("metrics")
    assert (said.code, said.err) == (0, "")
    assert 'flicbridge_protection{state="' in said.out
    assert flicbridge("metrics", "--config", tmp_path / "misspelt.toml").code == 2


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_folder_that_is_only_a_guess_and_has_no_bridge_is_no_answer(
    flicbridge: Command, settings: Path, command: tuple[str, ...], default_folder: Callable[[Path], None]
) -> None:
    default_folder(settings.parent / "elsewhere")
    settings.write_text('[bridge]\nid = "tilleuls-1"\nstate_dri = "state"\n', encoding="utf-8")
    said = flicbridge(*command, "--config", settings)
    assert (said.code, said.out) == (2, "")
    assert "state_dri" in said.err
    assert "not running" not in said.err


def test_a_bridge_that_stands_still_is_not_running_and_the_mistake_is_named(
    flicbridge: Command, settings: Path, bridge: subprocess.Popen[str]
) -> None:
    bridge.kill()
    bridge.wait()
    spoil(settings, "a recipient that nobody knows")
    said = flicbridge("status", "--config", settings)
    assert said.code == 1
    first, second = said.err.splitlines()
    assert "config check" in first
    assert "not running" in second


@pytest.mark.usefixtures("bridge")
def test_it_says_so_in_the_language_of_the_file(flicbridge: Command, settings: Path) -> None:
    from flicbridge.texts import translator

    text = settings.read_text(encoding="utf-8").replace('"en"', '"fr"')
    settings.write_text(text, encoding="utf-8")
    spoil(settings, "half a line")
    told = translator("fr").gettext("There is a mistake in {file}: `flicbridge config check` shows it.")
    assert flicbridge("alerts", "list", "--config", settings).err == told.format(file=settings) + "\n"
