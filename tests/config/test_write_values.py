"""What a person answers is written into a settings file, beside everything that stands there already."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.config import example, load
from flicbridge.config.write import begin, write_serial, write_values
from flicbridge.errors import ConfigError


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "flicbridge.toml"
    begin(path, "# settings of one practice\n")
    return path


def test_a_file_grows_answer_by_answer_into_one_that_reads_as_if_written_by_hand(fresh: Path) -> None:
    write_values(fresh, {("bridge", "id"): "tilleuls-1"})
    write_values(fresh, {("practice", "name"): "Tilleuls"})
    write_values(fresh, {("practice", "position"): {"latitude": 45.8, "longitude": 1.2}})
    write_values(fresh, {("practice", "room"): "Cabinet 2"})
    channel = {"transport": "http", "url": "https://a.fr", "secret": "k"}
    write_values(fresh, {("recipients", 0): {"name": "hub", "channels": [channel]}})
    write_values(fresh, {("recipients", 1): {"name": "samu", "channels": [channel]}})
    write_values(fresh, {("alerts", "test_notify"): ["hub"]})
    assert (
        fresh.read_text(encoding="utf-8")
        == """\
# settings of one practice

[bridge]
id = "tilleuls-1"

[practice]
name = "Tilleuls"
position = { latitude = 45.8, longitude = 1.2 }
room = "Cabinet 2"

[[recipients]]
name = "hub"
channels = [
    { transport = "http", url = "https://a.fr", secret = "k" },
]

[[recipients]]
name = "samu"
channels = [
    { transport = "http", url = "https://a.fr", secret = "k" },
]

[alerts]
test_notify = ["hub"]
"""
    )


def test_comments_and_all_other_values_of_an_installer_stay(tmp_path: Path) -> None:
    path = tmp_path / "practice.toml"
    path.write_text(example(), encoding="utf-8")
    write_values(
        path, {("doctor", "phone"): "+33687654321", ("recipients", 2, "channels", 1): {"transport": "x"}}
    )
    after, before = path.read_text(encoding="utf-8"), example()
    comments = [line.partition("#")[2] for line in before.splitlines() if "#" in line]
    assert [comment for comment in comments if comment not in after] == []
    expected = tomllib.loads(before)
    expected["doctor"]["phone"] = "+33687654321"
    expected["recipients"][2]["channels"].append({"transport": "x"})
    assert tomllib.loads(after) == expected


def test_another_way_to_a_recipient_joins_the_others(fresh: Path) -> None:
    write_values(fresh, {("recipients", 0): {"name": "hub", "channels": [{"transport": "a"}]}})
    write_values(fresh, {("recipients", 0, "channels", 1): {"transport": "b"}})
    (hub,) = tomllib.loads(fresh.read_text(encoding="utf-8"))["recipients"]
    assert hub["channels"] == [{"transport": "a"}, {"transport": "b"}]


def test_what_stands_there_already_leaves_the_file_alone(sound: Path) -> None:
    name = load(sound).doctor.name
    before = sound.stat()
    write_values(sound, {("doctor", "name"): name})
    assert (sound.stat().st_ino, sound.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@given(name=st.text(min_size=1, max_size=40).filter(lambda text: "\x00" not in text))
def test_whatever_is_typed_is_only_ever_a_value(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "flicbridge.toml"
    begin(path, "# settings\n")
    try:
        write_values(path, {("doctor", "name"): name})
    except ConfigError:  # what TOML cannot hold
        assert path.read_text(encoding="utf-8") == "# settings\n"
    else:
        assert tomllib.loads(path.read_text(encoding="utf-8")) == {"doctor": {"name": name}}


def test_answers_and_pairings_take_turns(fresh: Path) -> None:
    write_serial(fresh, "poche", "BF12-A34567")
    write_values(fresh, {("doctor", "name"): "Dr Anne Martin"})
    write_serial(fresh, "dos", "BF12-A34568")
    write_values(fresh, {("buttons", 1, "gestures"): {"single": "alert"}})
    raw = tomllib.loads(fresh.read_text(encoding="utf-8"))
    assert [(b["name"], b["gestures"]) for b in raw["buttons"]] == [
        ("poche", {"long": "alert"}),
        ("dos", {"single": "alert"}),
    ]


def test_a_value_in_the_place_of_a_table_is_refused_and_nothing_is_written(fresh: Path) -> None:
    write_values(fresh, {("doctor", "name"): "Dr Anne Martin"})
    before = fresh.read_bytes()
    with pytest.raises(ConfigError, match="by hand"):
        write_values(fresh, {("doctor", "name", "first"): "Anne"})
    assert fresh.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")
def test_a_new_file_is_not_for_everybody(fresh: Path) -> None:
    assert not stat.S_IMODE(fresh.stat().st_mode) & 0o007


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("", encoding="ascii")
    with pytest.raises(ConfigError, match="cannot be written"):
        begin(tmp_path / "in-the-way" / "flicbridge.toml", "#\n")


@pytest.mark.parametrize(
    "position",
    [
        "position = { latitude = 45.8, longitude = 1.2 }  # the door\n",
        "position.latitude = 45.8\nposition.longitude = 1.2\n",
        "[practice.position]\nlatitude = 45.8\nlongitude = 1.2\n",
    ],
)
def test_a_value_goes_when_another_comes_and_all_else_stays(tmp_path: Path, position: str) -> None:
    path = tmp_path / "flicbridge.toml"
    path.write_text(
        f'# mine\n[practice]\nname = "Tilleuls"  # yes\naddress = "A"\n{position}\n[bridge]\nid = "b"\n',
        encoding="utf-8",
    )
    write_values(path, {("practice", "address"): "B"}, remove=[("practice", "position")])
    text = path.read_text(encoding="utf-8")
    assert tomllib.loads(text) == {
        "practice": {"name": "Tilleuls", "address": "B"},
        "bridge": {"id": "b"},
    }
    assert '# mine\n[practice]\nname = "Tilleuls"  # yes\n' in text


def test_to_take_out_what_is_not_there_changes_nothing(fresh: Path) -> None:
    write_values(fresh, {("practice", "name"): "Tilleuls"}, remove=[("practice", "position"), ("a", 0, "b")])
    assert tomllib.loads(fresh.read_text(encoding="utf-8")) == {"practice": {"name": "Tilleuls"}}


def test_what_cannot_be_taken_out_is_told_for_doing_it_by_hand(fresh: Path) -> None:
    fresh.write_text("practice = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"practice\.address: B; no practice\.position\."):
        write_values(fresh, {("practice", "address"): "B"}, remove=[("practice", "position")])
    assert fresh.read_text(encoding="utf-8") == "practice = 1\n"
