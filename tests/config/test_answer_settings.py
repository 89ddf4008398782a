"""Settings of answers and of the PIN: what they refuse, and how it is mended."""

from pathlib import Path

import pytest

from flicbridge.config import check
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError, Problem


def problems(sound: Path, old: str, new: str) -> list[Problem]:
    text = sound.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ConfigError) as raised:
        check(text.replace(old, new, 1), sound, Credentials.beside(sound, {}))
    return list(raised.value.problems)


@pytest.mark.parametrize(
    "url", ["http://a.example.fr", "tilleuls.example.fr", "https://", "https://u:p@a.fr", "https://a.fr/?x=1"]
)
def test_a_public_address_is_https_and_nothing_but_an_address(sound: Path, url: str) -> None:
    api = f'[api]\nlisten = "127.0.0.1:8600"\npublic_url = "{url}"\n[doctor]'
    found = [problem for problem in problems(sound, "[doctor]", api) if problem.where.startswith("api")]
    assert [(p.where, "is no https address" in p.what) for p in found] == [("api.public_url", True)]
    assert "u:p" not in found[0].what


def test_a_link_to_a_bridge_that_listens_nowhere_is_refused(sound: Path) -> None:
    api = '[api]\npublic_url = "https://a.example.fr"\n[doctor]'
    found = [problem for problem in problems(sound, "[doctor]", api) if problem.where.startswith("api")]
    assert [problem.where for problem in found] == ["api.public_url"]
    assert 'listen = "127.0.0.1:8600"' in found[0].remedy


def test_the_doctors_devices_are_recipients(sound: Path) -> None:
    found = problems(sound, "[doctor]", '[alerts]\ntell_doctor = ["colleage"]\n[doctor]')
    [named] = [problem for problem in found if problem.where.startswith("alerts")]
    assert (named.where, named.remedy) == ("alerts.tell_doctor[0]", 'Did you mean "colleague"?')


def test_a_pin_is_named_and_must_be_there(sound: Path) -> None:
    found = problems(sound, "[doctor]", '[alerts]\nduress_pin = "duress-pin"\n[doctor]')
    [missing] = [problem for problem in found if problem.where.startswith("alerts")]
    assert missing.where == "alerts.duress_pin"
    assert "duress-pin" in missing.what


def test_a_pin_in_the_settings_file_is_refused_and_not_repeated(sound: Path) -> None:
    found = problems(sound, "[doctor]", '[alerts]\nduress_pin = "4711 "\n[doctor]')
    [written] = [problem for problem in found if problem.where.startswith("alerts")]
    assert "4711" not in written.what
