"""From a file to settings: what the values become, and files that are no settings at all."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flicbridge.alert.desk import Reaction
from flicbridge.config import Settings, check, load
from flicbridge.errors import ConfigError, Problem
from flicbridge.place.position import Position
from flicbridge.press.settings import Family
from flicbridge.transport.http import HttpOptions


def problem_of(path: Path) -> Problem:
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert raised.value.source == str(path)
    (problem,) = raised.value.problems
    return problem


def changed(sound: Path, old: str, new: str) -> Settings:
    return check(sound.read_text(encoding="utf-8").replace(old, new, 1), sound, None)


def test_a_file_becomes_the_values_of_the_stages(sound: Path) -> None:
    settings = load(sound)
    assert settings.bridge.id == "tilleuls-1"
    assert settings.bridge.zone == ZoneInfo("Europe/Paris")
    assert settings.doctor.value().phone == "+33612345678"
    assert settings.practice.place() == Position(45.83362, 1.26105)
    assert settings.buttons[0].family is Family.FLIC2
    assert settings.buttons[0].gestures == {"long": Reaction.ALERT, "double": Reaction.TEST}
    assert settings.buttons[0].long_press == timedelta(seconds=1)
    assert isinstance(settings.recipients[0].channels[1], HttpOptions)
    assert [step.after for step in settings.plan] == [timedelta(0), timedelta(seconds=60)]
    assert settings.api.address is None


def test_tests_go_to_the_first_step_unless_somebody_else_is_named(sound: Path) -> None:
    assert load(sound).test_recipients == ("samu",)
    named = changed(sound, "[doctor]", '[alerts]\ntest_notify = ["colleague"]\n[doctor]')
    assert named.test_recipients == ("colleague",)


def test_no_join_at_all_is_written_as_zero(sound: Path) -> None:
    settings = changed(sound, "[doctor]", '[alerts]\njoin_within = "0s"\n[doctor]')
    assert settings.alerts.join_within == timedelta(0)


def test_a_relative_state_dir_starts_beside_the_file(sound: Path) -> None:
    settings = changed(sound, 'id = "tilleuls-1"', 'id = "tilleuls-1"\nstate_dir = "state"')
    assert settings.bridge.state_dir == sound.parent / "state"


def test_a_relative_file_of_a_channel_is_looked_for_beside_the_settings(sound: Path) -> None:
    ca_file = sound.parent / "ca.pem"
    ca_file.write_text("no certificate")
    text = sound.read_text(encoding="utf-8").replace(
        'secret = "hub-key"', 'secret = "hub-key", ca_file = "ca.pem"', 1
    )
    sound.write_text(text, encoding="utf-8")
    problem = problem_of(sound)
    assert problem.where == "recipients[0].channels[1]"
    assert f'"{ca_file}" holds no certificates' in problem.what


def test_a_path_with_a_null_character_is_refused(sound: Path) -> None:
    with pytest.raises(ConfigError, match=r"state_dir \(line 3\): holds a null character"):
        changed(sound, 'id = "tilleuls-1"', 'id = "tilleuls-1"\nstate_dir = "a\\u0000"')


def test_a_tilde_in_state_dir_is_the_home_of_this_user(sound: Path) -> None:
    settings = changed(sound, 'id = "tilleuls-1"', 'id = "tilleuls-1"\nstate_dir = "~/flic"')
    assert settings.bridge.state_dir == Path.home() / "flic"


def test_a_serial_number_is_kept_as_the_button_writes_it(sound: Path) -> None:
    settings = changed(sound, 'family = "flic2"', 'family = "flic2"\nserial = " bf12-a34567 "')
    assert settings.buttons[0].serial == "BF12-A34567"


@pytest.mark.parametrize("listen", ["127.0.0.1:8600", "localhost:8600", "[::1]:8600", "127.0.0.2:1"])
def test_the_api_may_listen_on_the_loopback(sound: Path, listen: str) -> None:
    settings = changed(sound, "[doctor]", f'[api]\nlisten = "{listen}"\n[doctor]')
    host, _, port = listen.rpartition(":")
    assert settings.api.address == (host.strip("[]"), int(port))


@pytest.mark.parametrize(
    "listen",
    ["192.168.1.2:8600", "[::]:80", "example.fr:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ":80"],
)
def test_the_api_listens_nowhere_else(sound: Path, listen: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.listen"):
        changed(sound, "[doctor]", f'[api]\nlisten = "{listen}"\n[doctor]')


def test_settings_cannot_be_changed_afterwards(sound: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(sound).bridge.id = "other"


def test_a_byte_order_mark_and_windows_line_endings_do_no_harm(sound: Path) -> None:
    sound.write_bytes(b"\xef\xbb\xbf" + sound.read_bytes().replace(b"\n", b"\r\n"))
    assert load(sound).bridge.id == "tilleuls-1"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    problem = problem_of(tmp_path / "nowhere.toml")
    assert problem.what == "does not exist"
    assert "flicbridge config example" in problem.remedy


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert problem_of(tmp_path).what.startswith("cannot be read (")


def test_a_path_that_cannot_be_one_is_refused() -> None:
    assert problem_of(Path("a\0b")).what.startswith("cannot be read (")


def test_a_file_that_is_not_utf_8_is_named_with_the_line(sound: Path) -> None:
    sound.write_bytes(sound.read_bytes().replace(b"Dr Anne", b"Dr Ann\xe9"))
    problem = problem_of(sound)
    assert (problem.what, problem.line) == ("is not text in UTF-8", 5)


def test_a_file_of_powershell_is_told_to_be_utf_8(sound: Path) -> None:
    sound.write_bytes(sound.read_text(encoding="utf-8").encode("utf-16"))
    assert problem_of(sound).what == "is not text in UTF-8"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.toml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    assert problem_of(path).what == "is far too large for a settings file"


@pytest.mark.parametrize(
    ("text", "where", "line"),
    [
        ('[bridge]\nid = "a\n', "column 8", 2),
        ("[bridge]\nid = tilleuls\n", "column 6", 2),
        ('[bridge]\nid = "a"\nid = "b"\n', "column 9", 3),
        ("[bridge\n", "column 8", 1),
        ("a = [1,\n2", "the end", 2),
    ],
)
def test_a_slip_in_the_syntax_is_named_with_line_and_column(
    tmp_path: Path, text: str, where: str, line: int
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    problem = problem_of(path)
    assert problem.what.startswith("this is not valid TOML: ")
    assert (problem.where, problem.line) == (where, line)


@pytest.mark.parametrize("value", ["[" * 100_000, "{a=" * 100_000, "9" * 10_000])
def test_what_overwhelms_the_parser_is_an_error_like_any_other(tmp_path: Path, value: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(f"a = {value}")
    assert problem_of(path).remedy


def test_an_empty_file_lacks_everything_that_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.touch()
    with pytest.raises(ConfigError) as raised:
        load(path)
    missing = [problem.where for problem in raised.value.problems if problem.what == "is missing"]
    assert missing == ["bridge", "doctor", "practice", "buttons", "recipients", "plan"]


def test_a_simulated_radio_says_which_extra_it_needs(sound: Path) -> None:
    """In a process of its own, where the simulator's package cannot be found."""
    sound.write_text(sound.read_text(encoding="utf-8") + "\n[radio]\nsimulated = true\n", encoding="utf-8")
    code = (
        "import importlib.util as u, sys; from pathlib import Path; found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'bumble' else found(name, *rest)\n"
        "from flicbridge.config import load; load(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, sound], capture_output=True, text=True, check=False)
    assert "radio.simulated (line 39): a simulated radio needs the extra `simulator`" in done.stderr
    assert 'pip install "flicbridge[simulator]"' in done.stderr
    assert load(sound).radio.simulated


def test_a_test_bench_may_have_simulated_buttons_over_real_bluetooth(sound: Path) -> None:
    text = sound.read_text(encoding="utf-8").replace('"flic2"', '"flic2"\nsimulated = true')
    sound.write_text(text + "\n[radio]\nbelieve_test_key = true\n", encoding="utf-8")
    settings = load(sound)
    assert settings.buttons[0].simulated
    assert not settings.radio.simulated


def test_only_the_transports_in_use_are_imported(sound: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flicbridge.config import load;"
        "load(Path(sys.argv[1])); print([m in sys.modules for m in ('aiohttp', 'aiosmtplib')])"
    )
    done = subprocess.run([sys.executable, "-c", code, sound], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, False]"
