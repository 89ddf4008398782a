"""The program itself, in a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flicbridge.api.client import ApiClient
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock, SystemClock
from flicbridge.config import load
from flicbridge.house import Bridge
from flicbridge.simulator.standins import RehearsalSecrets
from flicbridge.supervise import alongside

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "state"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert", double = "test", triple = "cancel" }}
{buttons}
[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "{url}", secret = "hub-key" }} ]

[[plan]]
after = "0s"
notify = ["hub"]
"""


class Program:
    """`flicbridge run` in a process of its own, and the other commands beside it."""

    def __init__(self, config: Path, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.config = config
        self.process = process
        self.ready = ready
        self._log: list[bytes] = []
        self._log_ended = asyncio.Event()

    async def read_on(self) -> None:
        """Read its log, so that the pipe is never full: it would wait for us."""
        assert self.process.stderr is not None
        while part := await self.process.stderr.read(65_536):
            self._log.append(part)
        self._log_ended.set()

    async def log(self) -> str:
        """All it wrote into its log after it was ready; waits for its end."""
        async with asyncio.timeout(60):
            await self._log_ended.wait()
        return b"".join(self._log).decode()

    async def command(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Run another command against it: exit code, standard output, standard error."""
        return await run_command(*words, "--config", str(self.config), typed=typed)

    async def ask(self, *words: str) -> Any:
        """Run a command that must succeed, and read its JSON."""
        code, out, err = await self.command(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    async def status_when(self, said: Callable[[Any], bool], *, within_s: float = 60.0) -> Any:
        """What `status` says once it says so; asked over the socket, as the command does."""
        bridge, clock = ApiClient(self.config.parent / "state"), SystemClock()
        async with asyncio.timeout(within_s):
            while not said(status := await bridge.status()):
                await clock.sleep(0.05)
        return status

    async def kill(self) -> None:
        """As a power cut, or the kernel short of memory, would."""
        self.process.kill()
        await self.process.wait()


async def run_command(*words: str, typed: str = "") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flicbridge",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate(typed.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _environment() -> dict[str, str]:
    return {**os.environ, "FLICBRIDGE_SECRET_HUB_KEY": SECRET, "NO_COLOR": "1"}


@asynccontextmanager
async def _program(config: Path, *options: str) -> AsyncGenerator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "flicbridge",
        "run",
        "--config",
        str(config),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    try:
        program = Program(config, process, await _ready(process))
        async with alongside(log=program.read_on):
            yield program
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(60):
            await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The log line that says presses are taken."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        async for line in process.stderr:
            entry = json.loads(line)
            if entry["event"] == "bridge_ready":
                return dict(entry)
    raise AssertionError("the program ended before it was ready")


type StartProgram = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture
def start() -> StartProgram:
    """Start the program: `async with start(config) as program`."""
    return _program


@asynccontextmanager
async def _inside(config: Path) -> AsyncGenerator[Bridge]:
    clock = LoopClock(asyncio.get_running_loop())
    settings, secrets = load(config, secrets=False), RehearsalSecrets({"hub-key": SECRET})
    async with open_bridge(settings, secrets, clock=clock) as bridge, alongside(bridge=bridge.run):
        await bridge.ready.wait()
        yield bridge


@pytest.fixture
def inside() -> Callable[[Path], AbstractAsyncContextManager[Bridge]]:
    """Run a bridge in this process, where time can leap: `async with inside(config) as bridge`."""
    return _inside


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration that sends to one address."""

    def write(url: str, *, buttons: str = "") -> Path:
        path = tmp_path / "flicbridge.toml"
        path.write_text(SETTINGS.format(url=url, buttons=buttons))
        return path

    return write


@pytest.fixture
def command() -> Callable[..., Any]:
    """Run a command of the program: exit code, standard output, standard error."""
    return run_command


@pytest.fixture
def secret() -> str:
    return SECRET
