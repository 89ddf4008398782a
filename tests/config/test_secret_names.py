"""The secrets that settings name, wherever they do."""

from collections.abc import Mapping

from pydantic import BaseModel

from flicbridge.config.secret_names import secret_names
from flicbridge.credentials import SecretName


class Line(BaseModel):
    """A plugin's table inside a table."""

    pin: SecretName | None = None
    label: str = "not-a-secret"


class Channel(BaseModel):
    """A plugin's channel, with every way to name secrets."""

    secret: SecretName
    spare: tuple[SecretName, ...] = ()
    by_country: Mapping[str, SecretName] = {}
    lines: list[Line] = []
    by_name: Mapping[str, Line] = {}


class Practice(BaseModel):
    """Settings."""

    channels: tuple[Channel, ...]


def test_every_name_is_found_once_and_nothing_else() -> None:
    first = Channel(
        secret="hub-key",
        spare=("spare-a", "spare-b"),
        by_country={"fr": "key-fr"},
        lines=[Line(pin="line-pin", label="hub-label"), Line()],
        by_name={"left": Line(pin="left-pin")},
    )
    practice = Practice(channels=(first, Channel(secret="hub-key")))
    assert secret_names(practice) == ["hub-key", "key-fr", "left-pin", "line-pin", "spare-a", "spare-b"]


def test_settings_without_secrets_name_none() -> None:
    assert secret_names(Practice(channels=())) == []
