"""The second copy of the pairings: a small file beside the database, for the day that is lost.

A button whose pairing is lost is silent until somebody stands in the practice and pairs it again, so this is
the one thing that must outlive the database. How far each button's events are settled is written with it, as
of pairing, of stopping, and of every few minutes: it may be behind.

That does no harm. A button forgets what was acknowledged, so from an old count it tells no press twice except
one whose acknowledgement was lost in the very moment; that one would raise its alert again, under the same id
and with the same idempotency keys, and says in its text how old it is. The other choice, to throw away what
might be old, could throw away a call for help.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from flicbridge.outbox.button import ButtonRecord
from flicbridge.press.event import Counter

log = structlog.get_logger()


class _Button(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    serial: str
    pairing: str | None
    boot_id: int | None = None
    event_count: int = 0
    small_count: int = 0


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    buttons: list[_Button]


class PairingsCopy:
    """The file. Secret: readable by its owner alone, replaced as a whole, on disk before it counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: Mapping[str, ButtonRecord] | None = None

    def read(self) -> dict[str, ButtonRecord]:
        """What it says, by serial; what was last known here if it cannot be read; nothing if nobody knows."""
        try:
            content = _File.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return dict(self._last or {})
        except (OSError, ValidationError) as error:
            log.error("pairings_copy_unreadable", file=self._path.name, error=type(error).__name__)
            return dict(self._last or {})
        return {button.serial: _record(button) for button in content.buttons}

    def keep(self, records: Iterable[ButtonRecord]) -> None:
        """Write them down, if they are not there already. A disk that refuses is no reason to fail."""
        present = {record.serial: record for record in records}
        if present == self._last and self._path.exists():
            return
        self._last = present
        try:
            self._replace(json.dumps({"buttons": [_plain(record) for record in present.values()]}, indent=1))
        except OSError as error:
            log.warning("pairings_copy_not_written", file=self._path.name, error=error.strerror)

    def _replace(self, text: str) -> None:
        draft = self._path.with_name(f"{self._path.name}.new")
        with suppress(OSError):
            draft.unlink()
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
        _sync_folder(self._path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name of a file as durable as the file; not every system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _record(button: _Button) -> ButtonRecord:
    counts = button.event_count, button.small_count
    resume = None if button.boot_id is None else Counter(button.boot_id, *counts)
    return ButtonRecord(button.serial, button.pairing, resume)


def _plain(record: ButtonRecord) -> dict[str, str | int | None]:
    resume = record.resume
    return {
        "serial": record.serial,
        "pairing": record.pairing_json,
        "boot_id": resume.boot_id if resume else None,
        "event_count": resume.event_count if resume else 0,
        "small_count": resume.small_count if resume else 0,
    }
