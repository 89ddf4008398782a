"""From a file to `Settings`, or to everything that is wrong with it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flicbridge.config.channels import refused_of_our_own, unopenable
from flicbridge.config.check import across
from flicbridge.config.explain import findings
from flicbridge.config.finding import Finding, as_problems
from flicbridge.config.lines import Where, key_lines
from flicbridge.config.settings import Settings
from flicbridge.credentials import Credentials
from flicbridge.errors import ConfigError, Problem

# A large practice needs some ten kilobytes; the limit keeps a wrong path from filling the memory.
LARGEST_BYTES: Final = 1024 * 1024


def load(path: Path, *, secrets: bool = True) -> Settings:
    """Read and check a settings file.

    Args:
        path: the file.
        secrets: whether to look the secrets up too, and set up each transport once with them, without
            touching the network. False where they need not or cannot be read.

    Raises:
        ConfigError: with every mistake there is, in the order of the file.
    """
    text = read_text(path)
    return check(text, path, Credentials.beside(path) if secrets else None)


def check(text: str, path: Path, credentials: Credentials | None) -> Settings:
    """Check the text of a settings file as if it stood in `path`.

    Args:
        text: TOML.
        path: names the file in errors; relative paths inside it start in its folder.
        credentials: where to look up secrets, or None to leave them out.

    Raises:
        ConfigError: with every mistake there is, in the order of the file.
    """
    raw = parse(text, path)
    settings: Settings | None = None
    wrong: list[Finding] = []
    try:
        settings = Settings.read(raw, path.parent)
    except ValidationError as error:
        wrong.extend(findings(error, raw))
    wrong.extend(_beyond(raw, path.parent, credentials))
    if settings is None or wrong:
        raise ConfigError(str(path), as_problems(wrong, _lines(text)))
    return settings


def read_text(path: Path) -> str:
    """The text of a settings file.

    Raises:
        ConfigError: it is not there, cannot be read, or is no text.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise _broken(
            path, "does not exist", "Name another with --config, or begin with `flicbridge config example`."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Check its path and access rights; what the service reads is for root: try sudo."
        raise _broken(path, f"cannot be read ({reason})", remedy) from error
    if len(content) > LARGEST_BYTES:
        raise _broken(path, "is far too large for a settings file", "Check its path.")
    try:
        return content.decode("utf-8-sig")  # editors on Windows like to begin with a byte order mark
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _broken(path, "is not text in UTF-8", "Save it with the encoding UTF-8.", line) from error


def parse(text: str, path: Path) -> dict[str, Any]:
    """The tables in the text of a settings file, unchecked.

    Raises:
        ConfigError: it is not TOML; says on which line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [_syntax_error(str(error), text)]) from error
    except RecursionError as error:
        raise _broken(path, "is nested too deeply", "Compare it with `flicbridge config example`.") from error
    except ValueError as error:  # such as a number with thousands of digits
        raise _broken(path, f"is not valid TOML ({error})", "Remove that value.") from error


def _syntax_error(message: str, text: str) -> Problem:
    """The parser's complaint, with line and column taken out of its words."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    what, line, column = found.groups() if found else (message, None, None)
    where = f"column {column}" if column else "the end"
    remedy = "Check quotes, brackets and the = in this line, and the line above."
    at = int(line) if line else text.count("\n") + 1
    return Problem(where, f"this is not valid TOML: {what[:1].lower()}{what[1:]}", remedy, at)


def _beyond(raw: dict[str, Any], folder: Path, credentials: Credentials | None) -> Iterator[Finding]:
    yield from across(raw)
    if credentials is not None:
        yield from unopenable(raw, folder, credentials)
        yield from refused_of_our_own(raw, credentials)


def _lines(text: str) -> dict[Where, int]:
    try:
        return key_lines(text)
    except RecursionError:  # the parser got along with a shallower stack; then without line numbers
        return {}


def _broken(path: Path, what: str, remedy: str, line: int | None = None) -> ConfigError:
    return ConfigError(str(path), [Problem("the file", what, remedy, line)])
