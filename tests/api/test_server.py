"""Where the API can be reached, and by whom."""

import asyncio
import os
import socket
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from structlog.testing import capture_logs

from flicbridge.api.client import ApiClient
from flicbridge.api.endpoint import Endpoint, keep_token
from flicbridge.api.server import serving
from flicbridge.errors import InputError


class Door(Protocol):
    async def ask(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]: ...


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
async def no_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows; but the event loop, which is there already, has what it needs."""
    monkeypatch.delattr(socket, "AF_UNIX")


@pytest.fixture
def left_over(tmp_path: Path) -> Path:
    """A socket whose owner was killed."""
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    return path


# -- the Unix socket


async def test_only_the_owner_can_reach_the_socket_and_read_where_it_is(bridge: Any, tmp_path: Path) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
        assert endpoint == Endpoint(str(tmp_path / "api.sock"), None, os.getpid())
        assert Endpoint.read(tmp_path) == endpoint
        assert mode(tmp_path / "api.sock") == 0o600
        assert mode(tmp_path / "api.json") == 0o600


async def test_nothing_is_left_behind(bridge: Any, tmp_path: Path) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        pass
    assert not (tmp_path / "api.sock").exists()
    assert not (tmp_path / "api.json").exists()


async def test_what_a_killed_bridge_left_behind_is_replaced(
    bridge: Any, tmp_path: Path, left_over: Path
) -> None:
    assert left_over.is_socket()
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"


async def test_a_second_bridge_is_told_that_one_is_running(bridge: Any, tmp_path: Path) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        with pytest.raises(InputError, match=f"already running .process {os.getpid()}.*state_dir of its own"):
            async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
                pass
        assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"


async def test_a_bridge_too_busy_to_answer_counts_as_running(bridge: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "api.sock")
    with ExitStack() as stack:
        busy = stack.enter_context(socket.socket(socket.AF_UNIX))
        busy.bind(path)
        busy.listen(0)
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
        waiting.setblocking(False)
        waiting.connect(path)  # fills the queue of one
        with pytest.raises(InputError, match="already running"):
            async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
                pass


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: a\r\nHeader: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST /v1/press HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/press HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n",
        b"POST /v1/press HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/press HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_what_is_no_http_is_refused_without_a_traceback(
    bridge: Any, tmp_path: Path, nonsense: bytes
) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
        reader, writer = await asyncio.open_unix_connection(endpoint.unix)
        writer.write(nonsense)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
        assert b"Traceback" not in answer
        assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"


async def test_a_client_that_breaks_off_is_no_fault_of_ours(bridge: Any, tmp_path: Path) -> None:
    with capture_logs() as logged:
        async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
            _, writer = await asyncio.open_unix_connection(endpoint.unix)
            writer.write(b"POST /v1/press HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"
    assert [entry["event"] for entry in logged] == ["api_listening"]


# -- where there are no Unix sockets


@pytest.mark.usefixtures("no_unix_sockets")
async def test_without_unix_sockets_clients_find_the_bridge_on_a_free_port(
    bridge: Any, tmp_path: Path
) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
        assert endpoint.unix is None
        assert endpoint.tcp is not None
        assert endpoint.tcp.startswith("127.0.0.1:")
        answer = await ApiClient(tmp_path).press("poche")
    assert answer["effect"] == "raised"


async def test_a_folder_whose_path_is_too_long_for_a_socket_gets_a_port(bridge: Any, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    async with serving(bridge, deep, None, observe=bridge.board.observe) as endpoint:
        assert endpoint.unix is None
        assert (await ApiClient(deep).status())["bridge"]["id"] == "tilleuls-1"


async def test_a_file_system_without_sockets_gets_a_port(
    bridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("flicbridge.api.doorstep.bind_unix", refused)
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
        assert endpoint.unix is None
        assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"


# -- the address of the installer's choice


async def test_the_address_is_served_beside_the_socket(bridge: Any, tmp_path: Path, free_port: int) -> None:
    listen = ("127.0.0.1", free_port)
    async with serving(bridge, tmp_path, listen, observe=bridge.board.observe) as endpoint:
        assert endpoint.unix == str(tmp_path / "api.sock")
        assert endpoint.tcp == f"127.0.0.1:{free_port}"


async def test_an_address_that_is_taken_is_reported_and_done_without(
    bridge: Any, tmp_path: Path, free_port: int
) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        listen = ("127.0.0.1", free_port)
        async with serving(bridge, tmp_path, listen, observe=bridge.board.observe) as endpoint:
            assert endpoint.tcp is None
            assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"
            assert bridge.board.value("api", "state") == "impaired"
            assert bridge.board.value("api", "error").startswith(f"cannot listen on port {free_port}: ")
    assert bridge.board.value("api", "state") == "off"


@pytest.mark.usefixtures("no_unix_sockets")
async def test_an_address_that_is_taken_does_not_take_the_api_away_from_windows(
    bridge: Any, tmp_path: Path, free_port: int
) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        listen = ("127.0.0.1", free_port)
        async with serving(bridge, tmp_path, listen, observe=bridge.board.observe):
            assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"


async def test_a_full_disk_does_not_keep_a_bridge_from_running_and_being_asked(
    bridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        assert (await ApiClient(tmp_path).status())["bridge"]["id"] == "tilleuls-1"
        assert bridge.board.value("api", "error") == "cannot write to the state_dir: No space left on device"
    assert not (tmp_path / "api.sock").exists()


@pytest.mark.usefixtures("no_unix_sockets")
async def test_with_no_way_to_be_asked_a_bridge_runs_all_the_same(
    bridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe) as endpoint:
        assert (endpoint.unix, endpoint.tcp) == (None, None)
        assert bridge.board.value("api", "state") == "impaired"


# -- the token


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer é",
        "Bearer {token} {token}",
    ],
)
async def test_over_tcp_nobody_comes_in_without_the_token(
    tcp: Door, tmp_path: Path, header: str | None
) -> None:
    given = {} if header is None else {"Authorization": header.format(token=keep_token(tmp_path))}
    for method, path in (("GET", "/v1/status"), ("POST", "/v1/press"), ("GET", "/nowhere")):
        status, answer = await tcp.ask(method, path, headers=given)
        assert (status, answer["error"]["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_over_tcp_the_token_opens_the_door(tcp: Door, tmp_path: Path, scheme: str) -> None:
    token = (tmp_path / "api-token").read_text(encoding="ascii").strip()
    status, _ = await tcp.ask("GET", "/v1/status", headers={"Authorization": f"{scheme} {token}"})
    assert status == 200


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:{port}",
        "localhost:{port}",
        "LocalHost:{port}",
        "[::1]:{port}",
        "127.0.0.1",
        "127.8.8.8:{port}",
    ],
)
async def test_over_tcp_this_machine_may_be_asked_by_its_own_names(
    tcp: Door, tmp_path: Path, free_port: int, host: str
) -> None:
    headers = {"Authorization": f"Bearer {keep_token(tmp_path)}", "Host": host.format(port=free_port)}
    assert (await tcp.ask("GET", "/v1/status", headers=headers))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "evil.example",
        "127.0.0.1.evil.example:{port}",
        "192.168.1.9:{port}",
        "",
        "[::1",
        ":",
    ],
)
async def test_over_tcp_a_rebound_name_is_refused_even_with_the_token(
    tcp: Door, tmp_path: Path, free_port: int, host: str
) -> None:
    headers = {"Authorization": f"Bearer {keep_token(tmp_path)}", "Host": host.format(port=free_port)}
    status, answer = await tcp.ask("GET", "/v1/status", headers=headers)
    assert (status, answer["error"]["code"]) == (403, "wrong_host")


async def test_the_token_is_made_once_long_random_and_private(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    token = keep_token(tmp_path)
    assert len(token) >= 43
    assert keep_token(tmp_path) == token
    assert keep_token(tmp_path / "other") != token
    assert mode(tmp_path / "api-token") == 0o600


async def test_a_token_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("chosen-by-the-installer\n", encoding="ascii")
    (tmp_path / "api-token").chmod(0o644)
    assert keep_token(tmp_path) == "chosen-by-the-installer"
    assert mode(tmp_path / "api-token") == 0o600


async def test_a_token_file_cut_short_by_a_power_cut_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "api-token").touch()
    assert len(keep_token(tmp_path)) >= 43
