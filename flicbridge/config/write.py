"""Writing one thing back: a button's serial number, its name, or what a person answered.

An installer's file is full of comments, so what is not meant stays as it is. The result is read again before
it replaces the file, which happens at once or not at all.
"""

import copy
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from flicbridge.config.check import tables
from flicbridge.config.explain import split_advice
from flicbridge.config.layout import grow, shrink, spaced
from flicbridge.config.lines import Where, key_lines
from flicbridge.config.load import parse, read_text
from flicbridge.errors import ConfigError, Problem
from flicbridge.fields import slug
from flicbridge.press.settings import checked_serial


def button_lines(button: str, serial: str, *, simulated: bool = False) -> list[str]:
    """The lines of a new button's table, as one would write them by hand."""
    return [
        "[[buttons]]",
        f'name = "{button}"',
        'family = "flic2"',
        f'serial = "{serial}"',
        *(["simulated = true"] if simulated else []),
        'gestures = { long = "alert" }',
    ]


def write_serial(path: Path, button: str, serial: str, *, simulated: bool = False) -> list[str]:
    """Write a button's serial number into a settings file, with a table for it if there is none.

    Comments, order, line endings and access rights stay as they are.

    Args:
        path: the file. If it is a link, what it points to is replaced.
        button: the button's name.
        serial: its serial number.
        simulated: a new table is one of a simulated button.

    Returns:
        The lines as they stand in the file now; nothing was written if they stood there before.

    Raises:
        ConfigError: the name or the serial number cannot be one, or the file cannot be read or written;
            then the remedy has the lines for adding them by hand.
    """
    _insist_on_names(path, button, serial)
    text = read_text(path)
    raw = parse(text, path)
    index = _index_of(raw, button)
    written = button_lines(button, serial, simulated=simulated) if index is None else [f'serial = "{serial}"']
    changed = _with_table(text, written) if index is None else _with_serial(text, raw, index, serial)
    if not _says(changed, raw, index, written):
        raise _by_hand(path, "is laid out in a way that cannot be edited safely", written)
    _write(path, text, changed, "Add this by hand: " + " | ".join(written))
    return written


def remove_serial(path: Path, button: str) -> bool:
    """Take a button's serial number out of a settings file: it is not paired any more.

    Returns:
        Whether there was one.

    Raises:
        ConfigError: the file cannot be read, edited or written; the remedy says what to do by hand.
    """
    text = read_text(path)
    raw = parse(text, path)
    index = _index_of(raw, button)
    if index is None or "serial" not in raw["buttons"][index]:
        return False

    def forget(document: Any) -> None:
        del document["buttons"][index]["serial"]

    changed = _without_line(text, ("buttons", index, "serial"))
    _edit(path, text, changed, forget, f'Remove the serial of the button "{button}" by hand.')
    return True


def rename_button(path: Path, old: str, new: str) -> int:
    """Call a button by another name, wherever the file speaks of it: in its table, and in every `button` or
    `buttons` that names it.

    Returns:
        In how many places.

    Raises:
        ConfigError: there is no such button, the new name is taken or is none, or the file cannot be read,
            edited or written; the remedy says what to do by hand.
    """
    _insist_on_names(path, new)
    text = read_text(path)
    raw = parse(text, path)
    index = _index_of(raw, old)
    if index is None:
        known = ", ".join(str(entry.get("name")) for _, entry in tables(raw, "buttons")) or "none"
        raise _refusal(path, "buttons", f'no button is called "{old}"', f"There is {known}.")
    if _index_of(raw, new) is not None:
        raise _refusal(path, "buttons", f'the name "{new}" is taken', "Choose another name.")
    places: list[Where] = [("buttons", index, "name"), *_references(raw, old)]

    def rename(document: Any) -> None:
        for place in places:
            _put(document, place, new)

    changed = _with_word(text, places, old, new)
    _edit(path, text, changed, rename, f'Write "{new}" for "{old}" by hand.')
    return len(places)


def begin(path: Path, text: str) -> None:
    """Write the first lines of a settings file that is not there yet, for its owner alone to read.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _draft(path) as (draft, handle):
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode())
            if hasattr(os, "geteuid") and os.geteuid() == 0:  # a service reads what root has written
                os.chown(draft, 0, path.parent.stat().st_gid)
                draft.chmod(0o640)
            draft.replace(path)
    except OSError as error:
        remedy = "Name another with --config, or run this as a user who may write there."
        raise _refusal(path, "the file", f"cannot be written ({error.strerror})", remedy) from error


def write_values(path: Path, values: Mapping[Where, Any], remove: Collection[Where] = ()) -> None:
    """Write values into a settings file and take others out, all at once; tables that are missing are added.

    Comments and order stay as they are. An index that is one past the end of a list adds to it.

    Args:
        path: the file. If it is a link, what it points to is replaced.
        values: text, numbers, lists and tables by where they belong.
        remove: what shall not be there any more, such as what was true of a value that changes.

    Raises:
        ConfigError: the file cannot be read, edited or written; the remedy says what to do by hand.
    """
    text = read_text(path)
    parse(text, path)

    def change(document: Any) -> None:
        for where, value in values.items():
            grow(document, where, value)
        for where in remove:
            shrink(document, where)

    by_hand = [f"{_dotted(where)}: {value}" for where, value in values.items()]
    remedy = f"Write this by hand: {'; '.join([*by_hand, *(f'no {_dotted(where)}' for where in remove)])}."
    try:
        changed = spaced(_changed_by_tomlkit(text, change), text)
    except (TypeError, AttributeError, IndexError) as error:
        raise _refusal(path, "the file", "has something else where a table belongs", remedy) from error
    _edit(path, text, changed, change, remedy)


def _dotted(where: Where) -> str:
    return ".".join(map(str, where))


def _references(node: Any, name: str, where: Where = ()) -> Iterator[Where]:
    """Where a button is named, other than in its own table."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        named_by = key if isinstance(node, dict) else where[-1]
        if value == name and named_by == ("button" if isinstance(node, dict) else "buttons"):
            yield (*where, key)
        elif isinstance(value, dict | list):
            yield from _references(value, name, (*where, key))


def _put(document: Any, where: Where, value: str) -> None:
    *way, last = where
    for step in way:
        document = document[step]
    document[last] = value


def _without_line(text: str, where: Where) -> str:
    """The text without the line on which a key stands, if nothing else stands there."""
    start, end = _line_span(text, key_lines(text)[where])
    if not re.fullmatch(rf"""[ \t]*{where[-1]}[ \t]*=[ \t]*("[^"]*"|'[^']*')[ \t]*(#.*)?""", text[start:end]):
        return text
    return text[:start] + re.sub(r"^\r?\n", "", text[end:])


def _with_word(text: str, places: Iterable[Where], old: str, new: str) -> str:
    """The text with another word in the quotes on some lines."""
    lines = key_lines(text)
    for line in {lines[place] for place in places}:
        start, end = _line_span(text, line)
        changed = re.sub(rf"""(["']){re.escape(old)}\1""", rf"\g<1>{new}\g<1>", text[start:end])
        text = text[:start] + changed + text[end:]
    return text


def _edit(path: Path, text: str, changed: str, change: Callable[[Any], None], remedy: str) -> None:
    """Write a changed text if it says what the change makes of the old one; else let tomlkit change it, which
    may move what is laid out in an unusual way.
    """
    expected = tomllib.loads(text)
    change(expected)
    if not _is(changed, expected):
        changed = _changed_by_tomlkit(text, change)
    if not _is(changed, expected):
        raise _refusal(path, "the file", "is laid out in a way that cannot be edited safely", remedy)
    _write(path, text, changed, remedy)


def _changed_by_tomlkit(text: str, change: Callable[[Any], None]) -> str:
    try:
        document = tomlkit.parse(text)
        change(document)
        return document.as_string()
    except TOMLKitError:
        return text  # which does not say what it should, and so is not written


def _is(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def _refusal(path: Path, where: str, what: str, remedy: str) -> ConfigError:
    return ConfigError(str(path), [Problem(where, what, remedy)])


def _index_of(raw: Mapping[str, Any], button: str) -> int | None:
    return next((index for index, entry in tables(raw, "buttons") if entry.get("name") == button), None)


def _insist_on_names(path: Path, button: str, serial: str = "") -> None:
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
        return _with_value(text, raw, index, serial)
    return f'{text[:end]}{_line_ending(text)}{indent[1]}serial = "{serial}"{text[end:]}'


def _with_value(text: str, raw: Mapping[str, Any], index: int, serial: str) -> str:
    """The same where the key is there already, or where the button is an inline table."""
    where: Where = ("buttons", index, "serial")
    old = raw["buttons"][index].get("serial")
    if isinstance(old, str):
        changed = _with_word(text, [where], old, serial)
        if _says(changed, raw, index, [f'serial = "{serial}"']):
            return changed
    return _changed_by_tomlkit(text, lambda document: _put(document, where, serial))


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
    return _is(text, expected)


def _line_ending(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _write(path: Path, before: str, after: str, remedy: str) -> None:
    """Replace the file unless nothing changes."""
    if after == before:
        return
    try:
        _replace(path, after)
    except OSError as error:
        raise _refusal(path, "the file", f"cannot be written ({error.strerror})", remedy) from error


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
    return _refusal(path, "the file", what, "Add this by hand: " + " | ".join(lines))
