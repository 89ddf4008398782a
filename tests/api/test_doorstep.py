"""Somebody clears the `state_dir` away under a running bridge: it is asked, and alone, all the same."""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from flicbridge.api.claim import claimed
from flicbridge.api.client import ApiClient
from flicbridge.api.doorstep import LOOK_EVERY_S
from flicbridge.api.endpoint import Endpoint, read_token
from flicbridge.api.server import serving
from flicbridge.errors import ApiError, InputError

FULL = OSError(28, "No space left on device")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The bridge's `state_dir`; its database lies elsewhere."""
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path / "state"


@pytest.fixture
async def endpoint(bridge: Any, folder: Path, free_port: int) -> AsyncIterator[Endpoint]:
    """A bridge that answers in the folder, and over TCP."""
    listen = ("127.0.0.1", free_port)
    async with serving(bridge, folder, listen, observe=bridge.board.observe, clock=bridge.clock) as endpoint:
        yield endpoint


async def a_look(bridge: Any) -> None:
    await bridge.clock.sleep(LOOK_EVERY_S + 1)


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


async def test_a_bridge_whose_folder_was_removed_is_asked_again_and_nobody_else_can_start(
    bridge: Any, folder: Path, endpoint: Endpoint
) -> None:
    token = read_token(folder)
    shutil.rmtree(folder)
    with pytest.raises(ApiError, match="not running"):
        await ApiClient(folder).status()
    await a_look(bridge)
    assert (await ApiClient(folder).press("poche"))["effect"] == "raised"
    assert (Endpoint.read(folder), read_token(folder)) == (endpoint, token)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert bridge.board.value("api", "state") == "listening"
    with pytest.raises(InputError, match="already running"), claimed(folder):
        pass


@pytest.mark.parametrize("name", ["api.sock", "api.json", "api-token", "bridge.lock"])
async def test_each_file_alone_is_made_anew(bridge: Any, folder: Path, endpoint: Endpoint, name: str) -> None:
    (folder / name).unlink()
    await a_look(bridge)
    assert inodes(folder).keys() == {"api.sock", "api.json", "api-token", "bridge.lock"}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {read_token(folder)}"}) as session:
        answer = await session.get(f"http://{endpoint.tcp}/v1/status")
        assert answer.status == 200
    assert (await ApiClient(folder).status())["bridge"]["id"] == "tilleuls-1"


@pytest.mark.usefixtures("endpoint")
async def test_what_is_there_is_left_alone_and_nothing_is_said_again(bridge: Any, folder: Path) -> None:
    before, said_at = inodes(folder), bridge.board.note("api", "state").at
    await bridge.clock.sleep(10 * LOOK_EVERY_S)
    assert inodes(folder) == before
    assert bridge.board.note("api", "state").at == said_at


@pytest.mark.usefixtures("endpoint")
async def test_a_folder_that_cannot_be_written_is_told_until_it_can(
    bridge: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FULL

    shutil.rmtree(folder)
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        await a_look(bridge)
        assert bridge.board.value("api", "state") == "impaired"
        assert bridge.board.value("api", "error") == "cannot write to the state_dir: No space left on device"
    await a_look(bridge)
    assert bridge.board.value("api", "state") == "listening"
    assert bridge.board.value("api", "error") is None


async def test_a_disk_that_was_full_at_the_start_is_not_a_fault_for_ever(
    bridge: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FULL

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        start = serving(bridge, folder, None, observe=bridge.board.observe, clock=bridge.clock)
        endpoint = await start.__aenter__()
    try:
        assert bridge.board.value("api", "state") == "impaired"
        await a_look(bridge)
        assert bridge.board.value("api", "state") == "listening"
        assert Endpoint.read(folder) == endpoint
    finally:
        await start.__aexit__(None, None, None)


@pytest.mark.usefixtures("endpoint")
async def test_another_bridge_that_came_between_is_told(bridge: Any, folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    with ExitStack() as stack:
        stack.enter_context(claimed(folder))
        await a_look(bridge)
        assert bridge.board.value("api", "state") == "impaired"
        assert "already running" in bridge.board.value("api", "error")
        assert not (folder / "api.sock").exists()
    await a_look(bridge)
    assert bridge.board.value("api", "state") == "listening"


async def test_a_socket_that_somebody_else_put_there_is_not_removed_at_the_end(
    bridge: Any, folder: Path
) -> None:
    path = folder / "api.sock"
    async with serving(bridge, folder, None, observe=bridge.board.observe, clock=bridge.clock):
        path.unlink()
        server = await asyncio.start_unix_server(lambda *_: None, path)
    assert path.is_socket()
    server.close()
    await server.wait_closed()
