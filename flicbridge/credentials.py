"""Secrets by name: the settings say which, this finds what. A value never shows in a repr, a log or an error.

A name is looked up in three places, the first that has it wins: the systemd credentials directory, the folder
`secrets/` beside the configuration file, the environment.
"""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Protocol, Self, get_args

from pydantic import AfterValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from flicbridge.errors import ConfigError, Problem

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Lower case, digits, `-` and `_`: safe as a file name everywhere, and as part of a variable's name."""

# Keys and passwords are short; the limit keeps a wrong file (a log, a device) from being read into memory.
LARGEST_BYTES: Final = 64 * 1024


class _NamesASecret:
    """Put on a setting to say that its text is the name of a secret."""


def checked_name(text: str) -> str:
    """Return the name of a secret.

    Raises:
        ValueError: it cannot be one. The message does not repeat the text: it may be the secret itself.
    """
    if not re.fullmatch(NAME_PATTERN, text):
        raise ValueError(
            "this is not the name of a secret; write a name of lower-case letters, digits, - and _, such as"
            ' "smsgate-password", and keep the secret itself in a file of that name'
        )
    return text


SecretName = Annotated[
    str,
    AfterValidator(checked_name),
    _NamesASecret(),
    WithJsonSchema({"type": "string", "pattern": NAME_PATTERN, "examples": ["smsgate-password"]}),
]
"""A setting that names a secret. Whoever uses it asks `Credentials` for the value."""


def holds_secret_names(field: FieldInfo) -> bool:
    """Tell whether the text in this setting (alone, optional, or in a list or table) names secrets."""
    return _marked(field.metadata) or _marked(get_args(field.annotation))


def _marked(parts: Sequence[object]) -> bool:
    return any(isinstance(part, _NamesASecret) or _marked(get_args(part)) for part in parts)


class Place(Protocol):
    """Somewhere secrets may be kept. Its `str` tells a person where that is."""

    def find(self, name: str) -> str | None:
        """Return the secret, or None if this place does not have it.

        Raises:
            ConfigError: it is here, but must not or cannot be used.
        """
        ...


class Folder:
    """A folder with one file per secret.

    Args:
        path: the folder; it need not exist.
        guarded: True if somebody else (systemd) answers for the access rights of the files. Its access
            lists show up as group permissions, so the bits say nothing there.
    """

    def __init__(self, path: Path, *, guarded: bool = False) -> None:
        self._path = path
        self._guarded = guarded

    def __str__(self) -> str:
        return str(self._path)

    def find(self, name: str) -> str | None:
        file = self._path / name
        try:
            content = self._read(file)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refused(
                name, f"{file} cannot be read ({error.strerror})", "Make it readable for this user."
            ) from error
        return _usable(name, content, str(file))

    def _read(self, file: Path) -> bytes:
        with open(file, "rb", opener=_without_waiting) as stream:
            self._accept(file, os.fstat(stream.fileno()))  # of the very file that is read next
            return stream.read(LARGEST_BYTES + 1)

    def _accept(self, file: Path, facts: os.stat_result) -> None:
        if not stat.S_ISREG(facts.st_mode):
            raise _refused(
                file.name, f"{file} is not an ordinary file", "Put a file with the secret in its place."
            )
        if self._guarded or os.name != "posix":
            return
        if facts.st_uid not in (os.geteuid(), 0):
            raise _refused(file.name, f"{file} belongs to another user", f"chown {os.geteuid()} {file}")
        if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = stat.S_IMODE(facts.st_mode)
            raise _refused(file.name, f"{file} is open to others (mode {mode:04o})", f"chmod 600 {file}")


def _without_waiting(path: str, flags: int) -> int:
    """Open a file so that a named pipe in its place cannot hang the daemon at start."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Environment:
    """Variables named `FLICBRIDGE_SECRET_<NAME>`."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __str__(self) -> str:
        return "the environment"

    def find(self, name: str) -> str | None:
        variable = variable_for(name)
        value = self._variables.get(variable)
        # What is not valid UTF-8 arrives as surrogates; back to bytes, so that it is refused below.
        return None if value is None else _usable(name, os.fsencode(value), f"the variable {variable}")


def variable_for(name: str) -> str:
    """The environment variable of a secret."""
    return "FLICBRIDGE_SECRET_" + name.upper().replace("-", "_")


def _usable(name: str, content: bytes, where: str) -> str:
    """The secret in what a place holds: text, without its one trailing newline."""
    if len(content) > LARGEST_BYTES:
        raise _refused(name, f"{where} is too large for a secret", "Is it the right file?")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        # Its exception holds the bytes, so it must not travel on as a cause.
        raise _refused(name, f"{where} is not text in UTF-8", "Save it as UTF-8.") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise _refused(name, f"{where} is empty", "Write the secret into it.")
    return text


def _refused(name: str, what: str, remedy: str) -> ConfigError:
    return ConfigError("secrets", [Problem(f'secret "{name}"', what, remedy)])


class Credentials:
    """Finds secrets by name.

    Attributes:
        search: where to look, best place first.
    """

    def __init__(self, search: Sequence[Place]) -> None:
        self.search = tuple(search)

    @classmethod
    def beside(cls, config: Path, variables: Mapping[str, str] = os.environ) -> Self:
        """The places that go with a configuration file.

        Args:
            config: the configuration file; its folder may have a folder `secrets`.
            variables: the environment: `CREDENTIALS_DIRECTORY` is set by systemd for services that use
                LoadCredential=. Source: systemd.exec(5), "Credentials".
        """
        systemd = variables.get("CREDENTIALS_DIRECTORY")
        given: list[Place] = [Folder(Path(systemd), guarded=True)] if systemd else []
        return cls([*given, Folder(config.parent / "secrets"), Environment(variables)])

    def get(self, name: str) -> str:
        """Return the secret called `name`.

        Raises:
            ConfigError: there is none, or it must not be used; says where and how to mend it.
        """
        try:
            checked_name(name)
        except ValueError as error:
            what, _, remedy = str(error).partition("; ")
            raise ConfigError("secrets", [Problem("secret", what, f"{remedy.capitalize()}.")]) from error
        for place in self.search:
            if (secret := place.find(name)) is not None:
                return secret
        raise _refused(name, "is not in " + " or ".join(map(str, self.search)), self._how_to_add(name))

    def _how_to_add(self, name: str) -> str:
        folders = [place for place in self.search if isinstance(place, Folder)]
        if not folders:
            return f"Set {variable_for(name)}."
        return f"Write it to {folders[-1]}/{name} (mode 600), or set {variable_for(name)}."
