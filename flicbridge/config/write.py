"""Writing one thing back: the serial number of a button that was just paired.

An installer's file is full of comments, so it is edited as text: one line goes in, the rest stays as it is.
The result is read again before it replaces the file, which happens at once or not at all.
"""

import copy
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from flicbridge.config.check import tables
from flicbridge.config.explain import split_advice
from flicbridge.config.lines import key_lines
from flicbridge.config.load import parse, read_text
from flicbridge.errors import ConfigError, Problem
from flicbridge.fields import slug
from flicbridge.press.settings import checked_serial


def button_lines(button: str, serial: str) -> list[str]:
    """The lines of a new button's table, as one would write them by hand."""
    return [
        "[[buttons]]",
        f'name = "{button}"',
        'family = "flic2"',
        f'serial = "{serial}"',
        'gestures = { long = "alert" }',
    ]


def write_serial(path: Path, button: str, serial: str) -> list[str]:
    """Write a button's serial number into a settings file, with a table for it if there is none.

    Comments, order, line endings and access rights stay as they are.

    Args:
        path: the file. If it is a link, what it points to is replaced.
        button: the button's name.
        serial: its serial number.

    Returns:
        The lines as they stand in the file now; nothing was written if they stood there before.

    Raises:
        ConfigError: the name or the serial number cannot be one, or the file cannot be read or written;
            then the remedy has the lines for adding them by hand.
    """
    _insist_on_names(path, button, serial)
    text = read_text(path)
    raw = parse(text, path)
    index = next((index for index, entry in tables(raw, "buttons") if entry.get("name") == button), None)
    written = button_lines(button, serial) if index is None else [f'serial = "{serial}"']
    changed = _with_table(text, written) if index is None else _with_serial(text, raw, index, serial)
    if not _says(changed, raw, index, written):
        raise _by_hand(path, "is laid out in a way that cannot be edited safely", written)
    if changed != text:
        try:
            _replace(path, changed)
        except OSError as error:
            raise _by_hand(path, f"cannot be written ({error.strerror})", written) from error
    return written


def _insist_on_names(path: Path, button: str, serial: str) -> None:
    """Let nothing into the file that could be more than a name."""
    for key, text, check in (("name", button, slug), ("serial", serial, checked_serial)):
        try:
            check(text)
        except ValueError as error:
            raise ConfigError(str(path), [Problem(f"buttons.{key}", *split_advice(str(error)))]) from error


def _with_table(text: str, lines: list[str]) -> str:
    """The text with a table at its end."""
    end = _line_ending(text)
    gap = end if text.endswith("\n") or not text else end * 2
    return text + gap + end.join(lines) + end


def _with_serial(text: str, raw: Mapping[str, Any], index: int, serial: str) -> str:
    """The text with a serial number in its `index`-th button."""
    entry = raw["buttons"][index]
    above = "family" if "family" in entry else "name"
    start, end = _line_span(text, key_lines(text)["buttons", index, above])
    indent = re.match(rf"([ \t]*){above}[ \t]*=", text[start:end])
    if "serial" in entry or indent is None:
        return _with_value(text, index, serial)
    return f'{text[:end]}{_line_ending(text)}{indent[1]}serial = "{serial}"{text[end:]}'


def _with_value(text: str, index: int, serial: str) -> str:
    """The same where the key is there already, or where the button is an inline table."""
    try:
        document = tomlkit.parse(text)
        buttons: Any = document["buttons"]
        buttons[index]["serial"] = serial
        return document.as_string()
    except TOMLKitError:
        return text  # which does not say what it should, and so is not written


def _line_span(text: str, line: int) -> tuple[int, int]:
    """Where a line begins and ends, its line ending left out."""
    ends = [found.start() for found in re.finditer(r"\r?\n|$(?![\r\n])", text)]
    start = 0 if line == 1 else text.index("\n", ends[line - 2]) + 1
    return start, ends[line - 1]


def _says(text: str, raw: Mapping[str, Any], index: int | None, written: list[str]) -> bool:
    """Tell whether a changed text says what the file said before and the new lines, and nothing else."""
    expected = copy.deepcopy(dict(raw))
    said = tomllib.loads("\n".join(written))
    if index is None:
        before = expected.get("buttons", [])
        expected["buttons"] = [*before, *said["buttons"]] if isinstance(before, list) else None
    else:
        expected["buttons"][index].update(said)
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def _line_ending(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _replace(path: Path, text: str) -> None:
    """Put a new text in the place of a file: a power cut leaves the old one or the new one."""
    target = path.resolve()
    facts = target.stat()
    with _draft(target) as (draft, handle):
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        if hasattr(os, "chown"):
            with suppress(PermissionError):  # not root: then the new file is ours, and readable as before
                os.chown(draft, facts.st_uid, facts.st_gid)
        draft.chmod(facts.st_mode & 0o7777)
        draft.replace(target)


@contextmanager
def _draft(target: Path) -> Iterator[tuple[Path, int]]:
    """An empty file beside another one, gone afterwards unless it was renamed."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    draft = Path(name)
    try:
        yield draft, handle
    finally:
        draft.unlink(missing_ok=True)


def _by_hand(path: Path, what: str, lines: list[str]) -> ConfigError:
    remedy = "Add this by hand: " + " | ".join(lines)
    return ConfigError(str(path), [Problem("the file", what, remedy)])
