"""Secrets by name: found in the right place, refused when others could read them, never shown."""

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from flicbridge.credentials import (
    LARGEST_BYTES,
    Credentials,
    Environment,
    Folder,
    SecretName,
    checked_name,
    holds_secret_names,
)
from flicbridge.errors import ConfigError, Problem

posix_only = pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file with an empty folder for secrets beside it."""
    (tmp_path / "secrets").mkdir()
    return tmp_path / "practice.toml"


def put(folder: Path, name: str, content: str | bytes, mode: int = 0o600) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def refusal(credentials: Credentials, name: str) -> Problem:
    with pytest.raises(ConfigError) as raised:
        credentials.get(name)
    (problem,) = raised.value.problems
    return problem


def test_a_secret_is_the_text_of_its_file_without_the_last_newline(config: Path) -> None:
    for number, (content, secret) in enumerate(
        [("hunter2\n", "hunter2"), ("hunter2", "hunter2"), ("a\n\n", "a\n"), ("é \r\n", "é "), (" x", " x")]
    ):
        put(config.parent / "secrets", f"secret-{number}", content)
        assert Credentials.beside(config, {}).get(f"secret-{number}") == secret


def test_systemd_comes_first_then_the_folder_then_the_environment(config: Path, tmp_path: Path) -> None:
    systemd = tmp_path / "credentials"
    systemd.mkdir()
    credentials = Credentials.beside(
        config, {"CREDENTIALS_DIRECTORY": str(systemd), "FLICBRIDGE_SECRET_HUB_KEY": "from the environment"}
    )
    assert credentials.get("hub-key") == "from the environment"
    put(config.parent / "secrets", "hub-key", "from the folder")
    assert credentials.get("hub-key") == "from the folder"
    put(systemd, "hub-key", "from systemd")
    assert credentials.get("hub-key") == "from systemd"


def test_a_missing_secret_says_where_it_was_looked_for_and_how_to_add_it(config: Path) -> None:
    problem = refusal(Credentials.beside(config, {}), "hub-key")
    folder = config.parent / "secrets"
    assert problem.where == 'secret "hub-key"'
    assert problem.what == f"is not in {folder} or the environment"
    assert problem.remedy == f"Write it to {folder}/hub-key (mode 600), or set FLICBRIDGE_SECRET_HUB_KEY."


def test_a_missing_folder_is_no_fault(tmp_path: Path) -> None:
    credentials = Credentials.beside(tmp_path / "practice.toml", {"FLICBRIDGE_SECRET_A": "b"})
    assert credentials.get("a") == "b"


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_file_that_others_can_touch_is_refused(config: Path, mode: int) -> None:
    file = put(config.parent / "secrets", "hub-key", "hunter2", mode)
    problem = refusal(Credentials.beside(config, {"FLICBRIDGE_SECRET_HUB_KEY": "not even asked"}), "hub-key")
    assert problem.what == f"{file} is open to others (mode {mode:04o})"
    assert problem.remedy == f"chmod 600 {file}"


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_its_owner_alone_is_taken(config: Path, mode: int) -> None:
    put(config.parent / "secrets", "hub-key", "hunter2", mode)
    assert Credentials.beside(config, {}).get("hub-key") == "hunter2"


@posix_only
def test_a_file_of_another_user_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(config.parent / "secrets", "hub-key", "hunter2")
    if os.geteuid() == 0:
        os.chown(file, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    problem = refusal(Credentials.beside(config, {}), "hub-key")
    assert problem.what == f"{file} belongs to another user"
    assert problem.remedy == f"chown {os.geteuid()} {file}"


def test_the_rights_of_files_from_systemd_are_its_own_affair(tmp_path: Path) -> None:
    # Its access lists show up as group permissions.
    put(tmp_path, "hub-key", "hunter2", 0o440)
    assert Credentials([Folder(tmp_path, guarded=True)]).get("hub-key") == "hunter2"


@posix_only
def test_a_named_pipe_neither_hangs_nor_passes_for_a_secret(config: Path) -> None:
    os.mkfifo(config.parent / "secrets" / "hub-key", 0o600)
    assert refusal(Credentials.beside(config, {}), "hub-key").what.endswith("is not an ordinary file")


def test_a_folder_is_no_secret(config: Path) -> None:
    (config.parent / "secrets" / "hub-key").mkdir()
    assert "cannot be read" in refusal(Credentials.beside(config, {}), "hub-key").what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"  \n", "is empty"),
        (b"\xff\xfehunter2", "is not text in UTF-8"),
        (b"x" * (LARGEST_BYTES + 1), "is too large for a secret"),
    ],
)
def test_what_cannot_be_a_secret_is_refused(config: Path, content: bytes, what: str) -> None:
    put(config.parent / "secrets", "hub-key", content)
    assert refusal(Credentials.beside(config, {}), "hub-key").what.endswith(what)


@pytest.mark.parametrize("value", ["", "\n", "\udcff"])
def test_what_cannot_be_a_secret_is_refused_in_the_environment_too(value: str) -> None:
    problem = refusal(Credentials([Environment({"FLICBRIDGE_SECRET_HUB_KEY": value})]), "hub-key")
    assert problem.what.startswith("the variable FLICBRIDGE_SECRET_HUB_KEY is ")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../passwd", "/etc/passwd", "a/b", "a\\b", "a\0", "A", "é", "a b", "-a", "a\n", "a" * 65],
)
def test_a_name_that_could_lead_elsewhere_is_never_looked_up(name: str) -> None:
    class Trap:
        def find(self, name: str) -> str | None:
            pytest.fail(f"looked for {name!r}")

    with pytest.raises(ConfigError, match="this is not the name of a secret"):
        Credentials([Trap()]).get(name)
    with pytest.raises(ValueError, match="this is not the name of a secret"):
        checked_name(name)


def test_a_secret_is_in_no_repr_and_in_no_error(config: Path) -> None:
    folder = config.parent / "secrets"
    put(folder, "good", "hunter2")
    put(folder, "bad", b"hunter2\xff")
    credentials = Credentials.beside(config, {"FLICBRIDGE_SECRET_LOOSE": "hunter2"})
    assert credentials.get("good") == credentials.get("loose") == "hunter2"
    shown = [
        repr(credentials),
        str(credentials),
        *map(repr, credentials.search),
        *map(str, credentials.search),
    ]
    with pytest.raises(ConfigError) as raised:
        credentials.get("bad")
    shown += traceback.format_exception(raised.value)
    assert raised.value.__cause__ is None
    assert "hunter2" not in "".join(shown)


def test_a_setting_that_names_secrets_can_be_told_from_others() -> None:
    class Options(BaseModel):
        plain: str
        key: SecretName
        maybe: SecretName | None = None
        headers: Mapping[str, SecretName] = {}
        several: list[SecretName | None] = []

    marked = {name for name, field in Options.model_fields.items() if holds_secret_names(field)}
    assert marked == {"key", "maybe", "headers", "several"}


def test_a_secret_written_in_the_place_of_its_name_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(SecretName).validate_python("Hunter 2!")
    (error,) = raised.value.errors()
    assert "Hunter" not in error["msg"]
