"""Putting files into a system so that they can be taken out again: what was written is written down.

The list of it lies in /etc, where only root writes: whoever could change it could have root delete any file.
A file that somebody has changed since, or that was never ours, is not touched unless that is asked for.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Self

from flicbridge.errors import InputError

LIST_FILE: Final = Path("/etc/flicbridge/service-files.json")
BEFORE: Final = ".before-flicbridge"
"""Added to the name of a file that was replaced although it was not ours."""


class Finding(Enum):
    """What is there now, where a file is to be."""

    NOTHING = "nothing"
    SAME = "same"  # just what is to be there
    OURS = "ours"  # what an earlier flicbridge wrote, unchanged since
    FOREIGN = "foreign"  # somebody else's, or changed by somebody


@dataclass(frozen=True, slots=True)
class Placed:
    """What was put into a system.

    Attributes:
        language: the language of the settings then: whoever takes it out may not have them any more.
        files: path of each file, with the SHA-256 of what was written.
        folders: those that had to be made, the outermost first.
    """

    language: str
    files: dict[str, str]
    folders: tuple[str, ...]

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """What is in the system below `root`, or None if nothing was put there.

        Raises:
            InputError: the list is unreadable.
        """
        from pydantic import TypeAdapter, ValidationError

        file = below(root, LIST_FILE)
        try:
            return TypeAdapter(cls).validate_json(file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValidationError) as error:
            why = getattr(error, "strerror", None) or "damaged"
            raise InputError(
                f"cannot read {file} ({why}), the list of what `flicbridge service install` wrote. Run this"
                " as root; if the list is damaged, remove it and install again"
            ) from error

    def text(self) -> str:
        """The list as it is stored."""
        from pydantic import TypeAdapter

        return TypeAdapter(type(self)).dump_json(self, indent=2).decode() + "\n"


def below(root: Path, path: Path) -> Path:
    """A path of the system whose root is `root`."""
    return root / path.relative_to("/")


def digest(text: str | bytes) -> str:
    """What a file is recognised by."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def look(root: Path, path: Path, wanted: str, placed: Placed | None) -> Finding:
    """Compare what is there with what is to be there."""
    known = placed.files.get(str(path)) if placed else None
    match _content(below(root, path)):
        case None:
            return Finding.NOTHING
        case found if found == wanted.encode():
            return Finding.SAME
        case found if digest(found) == known:
            return Finding.OURS
        case _:
            return Finding.FOREIGN


def _content(file: Path) -> bytes | None:
    """What is in a file; nothing that it could hold, if it is a folder, a device or a link to one."""
    if not file.exists() and not file.is_symlink():
        return None
    return file.read_bytes() if file.is_file() else b""


def put(root: Path, files: Mapping[Path, str], placed: Placed | None, language: str) -> Placed:
    """Write files and the list of what was written; a foreign one is kept beside its place.

    Raises:
        OSError: one cannot be written. The list names those that were.
    """
    now = Placed(language, dict(placed.files) if placed else {}, placed.folders if placed else ())
    for path, text in files.items():
        finding = look(root, path, text, placed)
        if finding is Finding.SAME:
            continue  # if it is not ours, it does not become ours
        now = Placed(language, {**now.files, str(path): digest(text)}, (*now.folders, *_missing(root, path)))
        _write(
            below(root, LIST_FILE), now.text()
        )  # first, so that no crash leaves a file that nobody knows of
        if finding is Finding.FOREIGN:
            _set_aside(below(root, path))
        _write(below(root, path), text)
    return now


def remove(root: Path, paths: Mapping[str, str]) -> list[Path]:
    """Delete files that are as we wrote them; those that somebody has changed are returned, and stay."""
    changed = []
    for name, written in paths.items():
        file = below(root, Path(name))
        content = _content(file)
        if content is None:
            continue
        if file.is_symlink() or digest(content) != written:
            changed.append(Path(name))
        else:
            file.unlink()
    return changed


def forget(root: Path, placed: Placed, paths: Mapping[str, str]) -> None:
    """Take files off the list; when it is empty, it goes, and with it the folders that had to be made."""
    left = {path: written for path, written in placed.files.items() if path not in paths}
    if left:
        _write(below(root, LIST_FILE), Placed(placed.language, left, placed.folders).text())
        return
    below(root, LIST_FILE).unlink(missing_ok=True)
    for folder in reversed(placed.folders):
        try:
            below(root, Path(folder)).rmdir()
        except OSError:  # somebody uses it: it is not empty
            continue


def _missing(root: Path, path: Path) -> Iterator[str]:
    """The folders that have to be made for a file or for the list, the outermost first."""
    for parent in reversed(path.parents):
        if not below(root, parent).exists():
            yield str(parent)


def _set_aside(file: Path) -> None:
    file.replace(file.with_name(file.name + BEFORE))


def _write(file: Path, text: str) -> None:
    """Replace a file in one step; everybody may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(file)
    finally:
        Path(draft).unlink(missing_ok=True)
