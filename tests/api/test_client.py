"""Asking a bridge that is there, was there, or is something else."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flicbridge.api.client import ApiClient
from flicbridge.api.endpoint import Endpoint
from flicbridge.api.server import serving
from flicbridge.errors import ApiError

type Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@pytest.fixture
def impostor(tmp_path: Path) -> Callable[[bytes | None], AbstractAsyncContextManager[ApiClient]]:
    """Something that answers these bytes (or never) where a bridge is thought to be."""

    @asynccontextmanager
    async def answering(answer: bytes | None) -> Any:
        done = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await done.wait()
            else:
                writer.write(answer)
            writer.close()

        server = await asyncio.start_unix_server(talk, tmp_path / "api.sock")
        Endpoint(str(tmp_path / "api.sock"), None, 4711).write(tmp_path)
        try:
            yield ApiClient(tmp_path)
        finally:
            done.set()
            server.close()
            await server.wait_closed()

    return answering


async def test_a_conversation_with_a_bridge(bridge: Any, tmp_path: Path) -> None:
    client = ApiClient(tmp_path)
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        pressed = await client.press("poche", "single")
        alert = pressed["alert_id"]
        assert [a["id"] for a in await client.alerts(10)] == [alert]
        assert (await client.move(alert[:8], "acknowledge"))["happened"] == "acknowledged"
        assert (await client.alert(alert[:8]))["state"] == "acknowledged"
        assert (await client.status())["open_alerts"] == [alert]


async def test_a_bridge_that_never_ran_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match=r"not running\. Start it with `flicbridge run`") as caught:
        await ApiClient(tmp_path).status()
    assert caught.value.status is None


async def test_a_folder_that_does_not_exist_has_no_bridge(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="not running"):
        await ApiClient(tmp_path / "nowhere").status()


@pytest.mark.parametrize("way", ["unix", "tcp"])
async def test_a_bridge_that_was_killed_is_not_running(tmp_path: Path, free_port: int, way: str) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    unix, tcp = (str(path), None) if way == "unix" else (None, f"127.0.0.1:{free_port}")
    Endpoint(unix, tcp, 4711).write(tmp_path)
    with pytest.raises(ApiError, match="not running"):
        await ApiClient(tmp_path).status()


@pytest.mark.parametrize("nonsense", [b"", b"{", b"[]", b'{"unix": 3, "tcp": null, "pid": 1}'])
async def test_a_damaged_note_of_where_to_ask_is_no_note(tmp_path: Path, nonsense: bytes) -> None:
    (tmp_path / "api.json").write_bytes(nonsense)
    with pytest.raises(ApiError, match="not running"):
        await ApiClient(tmp_path).status()


async def test_what_cannot_be_read_belongs_to_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "api.json").mkdir()
    with pytest.raises(ApiError, match="Ask as the user that runs it"):
        await ApiClient(tmp_path).status()


async def test_a_bridge_that_hangs_is_not_waited_for(impostor: Any) -> None:
    async with impostor(None) as client:
        with pytest.raises(ApiError, match="The bridge does not answer within 15 s"):
            await client.status()


async def test_that_nobody_answers_is_said_in_the_language_of_the_reader(
    impostor: Any, tmp_path: Path
) -> None:
    def translate(text: str) -> str:
        return f"In other words: {text}"

    with pytest.raises(ApiError, match="In other words: The bridge is not running"):
        await ApiClient(tmp_path, translate).status()
    async with impostor(None):
        with pytest.raises(ApiError, match="In other words: The bridge does not answer within 15 s"):
            await ApiClient(tmp_path, translate).status()
    async with impostor(b""):
        with pytest.raises(ApiError, match="In other words: The bridge broke off"):
            await ApiClient(tmp_path, translate).status()
    async with impostor(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}"):
        with pytest.raises(ApiError, match=r"In other words: What answers there \(HTTP 502\)"):
            await ApiClient(tmp_path, translate).status()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_an_answer_that_is_not_ours_is_not_believed(impostor: Any, answer: bytes) -> None:
    async with impostor(answer) as client:
        with pytest.raises(ApiError, match="is not flicbridge"):
            await client.status()


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_a_conversation_that_breaks_off_is_an_error_like_any_other(
    impostor: Any, answer: bytes
) -> None:
    async with impostor(answer) as client:
        with pytest.raises(ApiError, match="The bridge broke off"):
            await client.status()


@pytest.mark.parametrize("wanted", ["../status", "a/b", "?limit=1", "#", "..", "é", ""])
async def test_an_id_cannot_lead_the_question_astray(bridge: Any, tmp_path: Path, wanted: str) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        with pytest.raises(ApiError) as caught:
            await ApiClient(tmp_path).alert(wanted)
    assert caught.value.status == 404


async def test_a_no_comes_with_its_reason_and_status(bridge: Any, tmp_path: Path) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        with pytest.raises(ApiError, match="there is no button 'cabinet'") as caught:
            await ApiClient(tmp_path).press("cabinet")
    assert caught.value.status == 422


async def test_the_note_says_which_process_it_was(bridge: Any, tmp_path: Path) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        endpoint = Endpoint.read(tmp_path)
    assert endpoint is not None
    assert endpoint.pid == os.getpid()
