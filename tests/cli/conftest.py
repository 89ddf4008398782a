"""The command line, called as a person calls it, and bridges for it to ask."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from flicbridge.cli import main
from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, House, report
from flicbridge.observation import Observation, Value
from flicbridge.simulator.leap import steady_loop

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "state"
language = "{language}"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}

[alerts]
join_within = "0s"

[[buttons]]
name = "bureau"
family = "virtual"
gestures = {{ single = "alert", double = "test", triple = "cancel" }}

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "http://127.0.0.1:9/hook", secret = "hub-key" }} ]

[[plan]]
after = "0s"
notify = ["hub"]
"""
# Port 9 (discard) has no listener on any machine of today: every try is refused at once.


@dataclass(frozen=True)
class Said:
    """What a command said.

    Attributes:
        code: the exit code.
        out: standard output.
        err: standard error.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON value."""
        return json.loads(self.out)


type Command = Callable[..., Said]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands say how this process logs; take that back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def flicbridge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`flicbridge ...`, in this process."""

    def command(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["flicbridge", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        code = exit_.value.code
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    return command


def run_leaping(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=steady_loop) as runner:
        return runner.run(work)


@pytest.fixture
def leaping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands run on a loop that leaps over idle time."""
    monkeypatch.setattr(asyncio, "run", run_leaping)


@pytest.fixture
def leaping_flicbridge(flicbridge: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`flicbridge ...` on a loop that leaps over idle time, for tests in which other commands must not."""

    def command(*arguments: object) -> Said:
        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "run", run_leaping)
            return flicbridge(*arguments)

    return command


def write_settings(folder: Path, *, language: str = "en", more: str = "") -> Path:
    """Write a settings file for one virtual button, with its secret."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "hub-key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", encoding="ascii")
    (secrets / "hub-key").chmod(0o600)
    file = folder / "flicbridge.toml"
    file.write_text(SETTINGS.format(language=language) + more, encoding="utf-8")
    return file


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A settings file in English."""
    return write_settings(tmp_path)


@pytest.fixture
def status_when(flicbridge: Command, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`status_when(subject, fact=value, ...)`: what `flicbridge status` prints, as one line of words.

    The bridge has one button and a radio. The subject is one of them and has said just these facts; the other
    is well.
    """
    monkeypatch.setenv("COLUMNS", "200")

    def status(subject: str, **facts: Value) -> str:
        monkeypatch.setattr("flicbridge.cli.status.ask", lambda *_: reported(subject, facts))
        return " ".join(flicbridge("status", "--config", settings).out.split())

    return status


def reported(subject: str, facts: Mapping[str, Value]) -> dict[str, Any]:
    """The answer of that bridge."""
    with asyncio.Runner() as runner:
        board = Board(LoopClock(runner.get_loop(), wall_at=NOON))
    for part, word, well in (("radio", "state", "scanning"), ("button:poche", "link", "up")):
        if part != subject:
            board.observe(Observation(part, word, well))
    for fact, value in facts.items():
        board.observe(Observation(subject, fact, value))
    button = ButtonPart("poche", "flic2", "BF12-A34567", over_radio=True, paired=True)
    house = House("tilleuls-1", "1.0", 7, NOON, False, (button,), ())
    return report(house, board, counts={}, open_alerts=[], now_at=NOON)


@pytest.fixture
def french_settings(tmp_path: Path) -> Path:
    """A settings file in French."""
    return write_settings(tmp_path, language="fr")


@contextmanager
def running(settings: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A bridge in a process of its own that has said that it is ready."""
    command = [sys.executable, "-m", "flicbridge", "run", "--config", str(settings), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
        assert process.stderr is not None
        while "bridge_ready" not in (line := process.stderr.readline()):
            assert line, f"the bridge ended with {process.wait()}"
        yield process
        process.kill()
        process.stderr.read()


REHEARSAL = """
[radio]
simulated = true

# the one in the pocket
[[buttons]]
name = "poche"
family = "flic2"        # hidden
simulated = true
gestures = { long = "alert" }
"""


def with_flic(settings: Path, more: str = REHEARSAL) -> Path:
    """Write another button into a settings file, before the recipients."""
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[[recipients]]", more + "\n[[recipients]]"), encoding="utf-8")
    return settings


@pytest.fixture
def rehearsal(settings: Path) -> Path:
    """Settings with a simulated Flic that is not paired yet."""
    return with_flic(settings)


@pytest.fixture
def french_rehearsal(french_settings: Path) -> Path:
    """The same in French."""
    return with_flic(french_settings)


@pytest.fixture
def running_bridge() -> Callable[[Path], AbstractContextManager["subprocess.Popen[str]"]]:
    """Runs a bridge with settings of the test's choice: `with running_bridge(settings)`."""
    return running


@pytest.fixture
def bridge(settings: Path) -> Iterator[subprocess.Popen[str]]:
    """A running bridge with the settings of `settings`."""
    with running(settings) as process:
        yield process


@pytest.fixture
def dry_run(settings: Path) -> Iterator[subprocess.Popen[str]]:
    """A bridge that only shows what it would send."""
    with running(settings, "--dry-run") as process:
        yield process


@pytest.fixture(scope="module")
def shared_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings of a bridge that runs for all tests of a module."""
    settings = write_settings(tmp_path_factory.mktemp("bridge"))
    with running(settings):
        yield settings
