"""The example that is printed is the one in `examples/`, and it works."""

import os
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from flicbridge.config import Settings, example, load, warnings
from flicbridge.errors import ConfigError
from flicbridge.transport.registry import kinds

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SECRETS: Final = {"smsgate-password": "hunter2", "hub-key": "whsec_" + "A" * 40, "mail-password": "hunter3"}


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """The example in a folder of its own, with its secrets."""
    path = tmp_path / "practice.toml"
    path.write_text(example(), encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    for name, secret in SECRETS.items():
        (tmp_path / "secrets" / name).write_text(secret)
        (tmp_path / "secrets" / name).chmod(0o600)
    return path


def test_the_example_in_the_package_is_the_one_in_examples() -> None:
    assert example() == (EXAMPLES / "practice.toml").read_text(encoding="utf-8")


def test_the_example_passes_its_own_check(practice: Path) -> None:
    assert isinstance(load(practice), Settings)


def test_without_its_secrets_the_example_names_each_place_that_wants_one(
    practice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("FLICBRIDGE_SECRET_"):
            monkeypatch.delenv(name)
    for secret in (practice.parent / "secrets").iterdir():
        secret.unlink()
    with pytest.raises(ConfigError) as raised:
        load(practice)
    assert [problem.where for problem in raised.value.problems] == [
        "recipients[0].channels[0].secret",
        "recipients[1].channels[0].secret",
        "recipients[2].channels[0].secret",
        "recipients[2].channels[1].secret",
    ]


def test_all_that_is_unwise_about_the_example_is_that_nobody_has_paired_its_button(practice: Path) -> None:
    assert [problem.where for problem in warnings(load(practice))] == ["buttons[0].serial"]


def test_the_example_shows_every_section_and_every_transport_of_ours() -> None:
    raw = tomllib.loads(example())
    assert set(Settings.model_fields) - set(raw) == {"radio"}  # for rehearsals only
    shown = {channel["transport"] for recipient in raw["recipients"] for channel in recipient["channels"]}
    assert shown == set(kinds()) & {"http", "email", "smsgate"}


def test_what_the_example_says_about_defaults_is_true(practice: Path) -> None:
    """Most of the example spells the defaults out: leaving those lines away must change nothing."""
    spelt_out = (
        "join_within",
        "renotify_every",
        "fresh",
        "keep_days",
        "long_press",
        "double_window",
        "level",
        "format",
    )
    text = re.sub(rf"^({'|'.join(spelt_out)}) = .*\n", "", example(), flags=re.MULTILINE)
    assert text.count("\n") == example().count("\n") - len(spelt_out)
    whole = load(practice)
    practice.write_text(text, encoding="utf-8")
    assert load(practice) == whole
