"""The address of the outside watch: a secret by name, and found missing before the bridge starts."""

from pathlib import Path

import pytest

from flicbridge.config import check
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError

HEARTBEAT = '[maintainer]\nheartbeat = "heartbeat-url"\n[doctor]'


def checked(sound: Path, environment: dict[str, str]) -> None:
    text = sound.read_text(encoding="utf-8").replace("[doctor]", HEARTBEAT, 1)
    check(text, sound, Credentials.beside(sound, environment))


def test_an_address_that_is_there_is_fine(sound: Path) -> None:
    checked(sound, {"FLICBRIDGE_SECRET_HEARTBEAT_URL": "https://watch.example/4d0f"})


def test_an_address_that_is_missing_is_named(sound: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(sound, {})
    (missing,) = refused.value.problems
    assert missing.where == "maintainer.heartbeat"
    assert "FLICBRIDGE_SECRET_HEARTBEAT_URL" in missing.remedy
