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
    """The example as it is printed, in a folder of its own."""
    path = tmp_path / "practice.toml"
    path.write_text(example(), encoding="utf-8")
    return path


def with_every_channel() -> str:
    """The example once an installer has taken away every `#:`."""
    return re.sub(r"^(\s*)#: ", r"\1", example(), flags=re.MULTILINE)


@pytest.fixture
def whole(practice: Path) -> Path:
    """The same with every channel, and its secrets."""
    practice.write_text(with_every_channel(), encoding="utf-8")
    (practice.parent / "secrets").mkdir()
    for name, secret in SECRETS.items():
        (practice.parent / "secrets" / name).write_text(secret)
        (practice.parent / "secrets" / name).chmod(0o600)
    return practice


def test_the_example_in_the_package_is_the_one_in_examples() -> None:
    assert example() == (EXAMPLES / "practice.toml").read_text(encoding="utf-8")


def test_the_example_passes_the_check_as_it_is_printed(practice: Path) -> None:
    assert isinstance(load(practice), Settings)


def test_with_every_channel_and_its_secrets_it_passes_too(whole: Path) -> None:
    settings = load(whole)
    assert sum(len(recipient.channels) for recipient in settings.recipients) == 6


def test_every_channel_whose_secret_is_missing_is_named(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("FLICBRIDGE_SECRET_"):
            monkeypatch.delenv(name)
    for secret in (whole.parent / "secrets").iterdir():
        secret.unlink()
    with pytest.raises(ConfigError) as raised:
        load(whole)
    assert [problem.where for problem in raised.value.problems] == [
        "recipients[0].channels[1].secret",
        "recipients[1].channels[1].secret",
        "recipients[2].channels[0].secret",
        "recipients[2].channels[1].secret",
    ]


def test_all_that_is_unwise_about_the_example_is_that_nobody_has_paired_its_button(practice: Path) -> None:
    assert [problem.where for problem in warnings(load(practice))] == ["buttons[0].serial"]


def test_the_example_shows_every_section_and_every_transport_of_ours() -> None:
    raw = tomllib.loads(with_every_channel())
    assert set(Settings.model_fields) - set(raw) <= {"flicd"}  # for buttons of the first generation only
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
    spelt = load(practice)
    practice.write_text(text, encoding="utf-8")
    assert load(practice) == spelt
