"""A stranger's package, installed as anybody would, carries a message."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt, Transport
from flicbridge.transport.registry import build, find_transport, kinds, read_channel

type MakeMessage = Callable[..., Message]
type MakeContext = Callable[..., Context]

SOURCE = Path(__file__).parents[2] / "examples" / "plugin"
MODULE = "flicbridge_transport_logfile"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example was installed into by pip, without a network."""
    folder = tmp_path_factory.mktemp("plugin")
    copied = shutil.copytree(SOURCE, folder / "source")
    offline = [
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--no-cache-dir",
        "--disable-pip-version-check",
    ]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline, "--target", str(folder / "site")]
    installed = subprocess.run([*pip, str(copied)], capture_output=True, text=True, timeout=100)
    assert installed.returncode == 0, installed.stderr
    return folder / "site"


@pytest.fixture
def plugin(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example, installed for the length of one test."""
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop(MODULE, None)


@pytest.fixture
def way_to(plugin: None, make_context: MakeContext) -> Callable[[Path], Transport[Any]]:
    return lambda path: build(read_channel({"transport": "logfile", "path": str(path)}), make_context({}))


type WayTo = Callable[[Path], Transport[Any]]


def test_it_is_not_there_before_it_is_installed() -> None:
    assert "logfile" not in kinds()


def test_it_is_found_by_its_entry_point_beside_our_own(plugin: None) -> None:
    assert {"logfile", "http", "email", "smsgate"} <= set(kinds())
    found = find_transport("logfile")
    assert (found.__module__, found.__name__) == (MODULE, "LogfileTransport")


def test_its_settings_are_checked_by_its_own_model(plugin: None) -> None:
    options = read_channel({"transport": "logfile", "path": "/var/log/alerts.jsonl", "timeout": "2s"})
    assert isinstance(options, ChannelOptions)
    assert type(options).__module__ == MODULE
    with pytest.raises(ValidationError, match="path"):
        read_channel({"transport": "logfile"})
    with pytest.raises(ValidationError, match="colour"):
        read_channel({"transport": "logfile", "path": "x", "colour": "red"})


@pytest.mark.real_time
async def test_it_delivers(way_to: WayTo, make_message: MakeMessage, tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    async with way_to(path) as way:
        assert await way.deliver(make_message(key="first")) == Receipt(detail="on disk")
        await way.deliver(make_message(key="second"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["key"] for line in lines] == ["first", "second"]
    assert lines[0]["data"] == make_message().data
    assert lines[0]["text"] == make_message().sms


@pytest.mark.real_time
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such access rights")
async def test_what_it_writes_is_for_its_own_eyes(
    way_to: WayTo, make_message: MakeMessage, tmp_path: Path
) -> None:
    path = tmp_path / "alerts.jsonl"
    async with way_to(path) as way:
        await way.deliver(make_message())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.real_time
async def test_a_wrong_path_is_final(way_to: WayTo, make_message: MakeMessage, tmp_path: Path) -> None:
    async with way_to(tmp_path / "no such folder" / "alerts.jsonl") as way:
        with pytest.raises(PermanentDeliveryError, match="cannot write there"):
            await way.deliver(make_message())


@pytest.mark.real_time
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
async def test_a_full_disk_is_worth_another_try(way_to: WayTo, make_message: MakeMessage) -> None:
    async with way_to(Path("/dev/full")) as way:
        with pytest.raises(TransientDeliveryError, match="cannot write now"):
            await way.deliver(make_message())
