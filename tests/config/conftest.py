"""A small sound settings file, its secrets, and what the check says when a piece of it is changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from flicbridge.config import load
from flicbridge.errors import ConfigError, Problem

SOUND: Final = """\
[bridge]
id = "tilleuls-1"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = { latitude = 45.83362, longitude = 1.26105 }

[[buttons]]
name = "poche"
family = "flic2"
gestures = { long = "alert", double = "test" }

[[recipients]]
name = "samu"
channels = [
  { transport = "smsgate", to = "+33555000015", url = "http://192.168.1.20:8080", secret = "phone" },
  { transport = "http", url = "https://alertes.example.fr/hook", secret = "hub-key" },
]

[[recipients]]
name = "colleague"
channels = [{ transport = "http", url = "https://alertes.example.fr/colleague", secret = "hub-key" }]

[[plan]]
after = "0s"
notify = ["samu"]

[[plan]]
after = "60s"
unless = "acknowledged"
notify = ["colleague"]
"""

type Check = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A sound file with its secrets beside it."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    for name, secret in (("phone", "s3cret"), ("hub-key", "whsec_" + "A" * 40)):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    path = tmp_path / "practice.toml"
    path.write_text(SOUND, encoding="utf-8")
    return path


@pytest.fixture
def problems(sound: Path) -> Check:
    """`problems((old, new), ...)`: what the check says of the sound file with these pieces changed."""

    def check(*changes: tuple[str, str], secrets: bool = True) -> tuple[Problem, ...]:
        text = SOUND
        for old, new in changes:
            assert text.count(old) >= 1, f"{old!r} is not in the file"
            text = text.replace(old, new, 1)
        sound.write_text(text, encoding="utf-8")
        try:
            load(sound, secrets=secrets)
        except ConfigError as error:
            return error.problems
        return ()

    return check
