"""The pairings that this bridge keeps, for the commands that read or change them."""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flicbridge.errors import InputError

if TYPE_CHECKING:
    from flicbridge.config import Settings
    from flicbridge.outbox.button import ButtonRecord
    from flicbridge.outbox.store import Store
    from flicbridge.press.flic2.pairing import Pairing


@asynccontextmanager
async def opened_store(state_dir: Path) -> "AsyncGenerator[Store]":
    """The bridge's database, made if there is none; it may be running meanwhile.

    Raises:
        InputError: the folder cannot be used.
        StoreError: the database cannot be opened.
    """
    from flicbridge.outbox.store import Store

    path = _database(state_dir)
    store = Store.open(path)
    try:
        yield store
    finally:
        await store.close()
        _hand_over(path)


def _database(state_dir: Path) -> Path:
    from flicbridge.bridge import DATABASE

    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot use the folder {state_dir}: {error.strerror}. "
            "Run this as the user that runs the bridge, or name another folder as state_dir."
        ) from error
    return state_dir / DATABASE


def _hand_over(path: Path) -> None:
    """Give a database that root has made to the owner of its folder: the bridge runs as that user."""
    if not hasattr(os, "chown") or os.geteuid() != 0:
        return
    owner = path.parent.stat()
    for file in path.parent.glob(f"{path.name}*"):
        os.chown(file, owner.st_uid, owner.st_gid)


async def read_records(state_dir: Path) -> "dict[str, ButtonRecord]":
    """What the database knows of buttons, by serial number; nothing if there is none. Writes nothing.

    Raises:
        StoreError: it cannot be read.
    """
    from flicbridge.bridge import DATABASE
    from flicbridge.outbox.store import Store

    path = state_dir / DATABASE
    if not path.exists():
        return {}
    store = Store.open_read_only(path)
    try:
        return await store.buttons()
    finally:
        await store.close()


def is_paired(serial: str, records: "Mapping[str, ButtonRecord]") -> bool:
    """Whether there is a pairing with the button of that serial number."""
    record = records.get(serial)
    return record is not None and record.pairing_json is not None


def pairings(settings: "Settings", records: "Mapping[str, ButtonRecord]") -> "dict[str, Pairing]":
    """The pairings of the buttons in the settings, by name.

    Raises:
        StoreError: one is damaged.
    """
    from flicbridge.press.flic2.record import from_json

    return {
        button.name: from_json(record.pairing_json)
        for button in settings.buttons
        if (record := records.get(button.serial)) is not None and record.pairing_json is not None
    }
