"""A bridge on a sick disk: the press goes out, the fault is told, what the disk missed is written later."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.house import Bridge
from flicbridge.simulator.gateways import FakeHttp

MAINTAINER = """
[maintainer]
notify = ["hub"]
"""

type Start = Callable[..., AbstractAsyncContextManager[Any]]
type Inside = Callable[[Path], AbstractAsyncContextManager[Bridge]]
type WriteConfig = Callable[..., Path]


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place in memory for the socket, as the system gives a service."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The state directory on a file system of its own."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system, on Linux")
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    words = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True, capture_output=True)


async def problems(program: Any) -> set[str]:
    _, out, err = await program.command("status", "--json")
    assert out, err
    return problems_in(json.loads(out))


def problems_in(status: Any) -> set[str]:
    return {problem["problem"] for problem in status["problems"] if problem["part"] == "store"}


async def well_again(program: Any) -> None:
    await program.status_when(lambda status: not problems_in(status))


@pytest.mark.real_time
async def test_without_a_folder_the_press_goes_out_and_is_written_down_when_there_is_one(
    start: Start, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.write_text("a file where the folder should be")
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        _, out, err = await program.command("press", "bureau", "--json")
        await hub.wait_for(1, within_s=60)
        assert await problems(program) == {"store_sick"}
        state.unlink()
        await well_again(program)
        (alert,) = (await program.ask("alerts", "list"))["alerts"]
        assert alert["id"] == hub.received[0].event["subject"], out + err
        shown = await program.ask("alerts", "show", alert["id"])
        assert [delivery["state"] for delivery in shown["deliveries"]] == ["sent"]
        assert len(hub.received) == 1
    assert (state / "flicbridge.db").exists()


@pytest.mark.real_time
async def test_what_was_owed_when_the_disk_turned_read_only_is_sent_from_there(
    start: Start, write_config: WriteConfig, secret: str, small_disk: Path
) -> None:
    config = write_config("http://127.0.0.1:9/")
    async with start(config) as program:
        pressed = await program.ask("press", "bureau")
        await program.kill()
    remount(small_disk, "ro")
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        await hub.wait_for(1, within_s=60)
        assert hub.received[0].event["subject"] == pressed["alert_id"]
        assert await problems(program) == {"store_sick"}
        remount(small_disk, "rw")
        await well_again(program)
        (alert,) = (await program.ask("alerts", "list"))["alerts"]
        assert alert["state"] == "notified"
        assert hub.duplicates == 0


@pytest.mark.real_time
async def test_a_newer_database_is_left_alone_and_the_bridge_runs_beside_it(
    start: Start, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "flicbridge.db"
    path.parent.mkdir(mode=0o700)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        assert (await program.ask("press", "bureau"))["safe"] is True
        await hub.wait_for(1, within_s=60)
        assert await problems(program) == {"store_too_new"}
    assert path.read_bytes() == before


async def test_a_disk_that_comes_back_is_in_use_again_within_seconds(
    inside: Inside, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.write_text("a file where the folder should be")
    clock = LoopClock(asyncio.get_running_loop())
    async with FakeHttp(secret=secret) as hub, inside(write_config(hub.url)) as bridge:
        await clock.sleep(60)
        assert problems_in(await bridge.status()) == {"store_sick"}
        state.unlink()
        await clock.sleep(2)
        assert problems_in(await bridge.status()) == set()
    assert (state / "flicbridge.db").exists()


GARBAGE = b"no database " * 1000


def damage(state: Path) -> None:
    state.mkdir(mode=0o700)
    (state / "flicbridge.db").write_bytes(GARBAGE)


@pytest.mark.real_time
async def test_a_damaged_database_is_kept_and_the_next_press_is_safe(
    start: Start, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    damage(tmp_path / "state")
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        assert (await program.ask("press", "bureau"))["safe"] is True
        assert await problems(program) == {"store_set_aside"}
        await hub.wait_for(1, within_s=60)
    (aside,) = (tmp_path / "state").glob("flicbridge.db.corrupt-*")
    assert aside.read_bytes() == GARBAGE


async def test_the_maintainer_is_told_of_a_damaged_database(
    inside: Inside, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    damage(tmp_path / "state")
    async with FakeHttp(secret=secret) as hub:
        config = write_config(hub.url)
        config.write_text(config.read_text() + MAINTAINER)
        async with inside(config) as bridge:
            assert (await bridge.press("bureau", "single")).alert is not None
            await hub.wait_for(2, within_s=40)
    alert, notice = (arrival.event for arrival in hub.received)
    assert alert["data"]["kind"] == "emergency"
    assert notice["type"] == "fr.flicbridge.maintenance.fault"
    assert notice["data"]["problem"] == "store_set_aside"
    assert notice["data"]["bridge"] == "tilleuls-1"
    assert "Martin" not in json.dumps(notice)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Somebody else writes the database and does not let go, as a program that copies it may."""
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


async def test_a_press_that_the_disk_refused_once_is_written_down_within_seconds(
    inside: Inside, write_config: WriteConfig, secret: str, tmp_path: Path
) -> None:
    clock = LoopClock(asyncio.get_running_loop())
    async with FakeHttp(secret=secret) as hub, inside(write_config(hub.url)) as bridge:
        await clock.sleep(30)
        with locked(tmp_path / "state" / "flicbridge.db"):
            taken = await bridge.press("bureau", "single")
            assert not taken.safe
            await hub.wait_for(1, within_s=60)
        await clock.sleep(5)
        store = (await bridge.status())["store"]
        assert (store["state"], store["owed"]) == ("ok", 0)
        assert taken.alert is not None
        shown = await bridge.show_alert(taken.alert)
    assert shown is not None
    assert [line["what"] for line in shown["history"]] == ["raised", "notified"]
