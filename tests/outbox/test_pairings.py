"""The second copy of the pairings outlives the database."""

import stat
import sys
from pathlib import Path

import pytest

from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.pairings import PairingsCopy
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter

SERIAL = "BF12-A34567"
RECORDS = [
    ButtonRecord(SERIAL, '{"secret": "x"}', Counter(7, 5, 3)),
    ButtonRecord("BF99-A99999", None, None),
]


def test_what_is_kept_can_be_read_again(tmp_path: Path) -> None:
    PairingsCopy(tmp_path / "p.json").keep(RECORDS)
    assert PairingsCopy(tmp_path / "p.json").read() == {record.serial: record for record in RECORDS}
    assert [file.name for file in tmp_path.iterdir()] == ["p.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_it_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "p.json.new").write_text("left over, and readable by all")
    PairingsCopy(tmp_path / "p.json").keep(RECORDS)
    assert stat.S_IMODE((tmp_path / "p.json").stat().st_mode) == 0o600


def test_it_is_written_only_when_something_changed(tmp_path: Path) -> None:
    copy = PairingsCopy(tmp_path / "p.json")
    copy.keep(RECORDS)
    before = (tmp_path / "p.json").stat().st_ino
    copy.keep(RECORDS)
    assert (tmp_path / "p.json").stat().st_ino == before
    copy.keep(RECORDS[:1])
    assert list(copy.read()) == [SERIAL]


@pytest.mark.parametrize("content", ["", "{", '{"buttons": [{"serial": 5}]}', '{"buttons": null}'])
def test_a_damaged_copy_is_nothing_and_breaks_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "p.json").write_text(content)
    assert PairingsCopy(tmp_path / "p.json").read() == {}


def test_a_folder_that_went_away_is_no_reason_to_forget(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    copy = PairingsCopy(folder / "p.json")
    copy.keep(RECORDS)
    (folder / "p.json").unlink()
    folder.rmdir()
    assert SERIAL in copy.read()
    copy.keep(RECORDS)  # there is nowhere to write it, and nothing is raised
    folder.mkdir()
    copy.keep(RECORDS)
    assert (folder / "p.json").exists()


async def test_a_pairing_survives_the_loss_of_the_database(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s.db")
    await store.put_pairing(SERIAL, '{"secret": "x"}', Counter(7, 5))
    await store.close()
    for file in tmp_path.glob("s.db"):
        file.unlink()
    store = Store.open(tmp_path / "s.db")
    record = (await store.buttons())[SERIAL]
    await store.close()
    assert (record.pairing_json, record.resume) == ('{"secret": "x"}', Counter(7, 5))


async def test_a_forgotten_pairing_does_not_come_back(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s.db")
    await store.put_pairing(SERIAL, '{"secret": "f00d"}', Counter(7, 5))
    await store.forget_pairing(SERIAL)
    await store.close()
    assert "f00d" not in (tmp_path / "s.db.pairings.json").read_text()
    (tmp_path / "s.db").unlink()
    store = Store.open(tmp_path / "s.db")
    assert (await store.buttons())[SERIAL].pairing_json is None
    await store.close()
