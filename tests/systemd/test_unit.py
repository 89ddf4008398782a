"""The unit: understood by systemd, as closed as it is meant to be, and a bridge lives within it."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from flicbridge import watchdog
from flicbridge.cli import systemd, unit

REPOSITORY: Final = Path(__file__).parents[2]
UNIT: Final = REPOSITORY / "systemd/flicbridge.service"
CONFINE: Final = Path(__file__).with_name("confine.py")
PYTHON: Final = Path(sys.prefix) / "bin/python"

LARGEST_EXPOSURE: Final = 15
"""In tenths: what `systemd-analyze security` may say at most, from 0 (closed) to 100 (open)."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")

SETTINGS: Final = """
[bridge]
id = "tilleuls-1"
state_dir = "state"
language = "en"

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
gestures = {{ single = "alert" }}

[[recipients]]
name = "hub"
channels = [ {{ transport = "http", url = "http://localhost:{port}/hook", secret = "hub-key" }} ]

[[plan]]
after = "0s"
notify = ["hub"]
"""


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Ask systemd about files; it need not run for that, and does not."""
    command = ["systemd-analyze", "--no-pager", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., Path]:
    """`installed(path)`: unit and credentials as `service install` writes them for settings there."""

    def write(settings: str = "/etc/flicbridge/flicbridge.toml") -> Path:
        service = unit.Service(PYTHON, Path(settings), ("hub-key", "mail-password"), is_packaged=False)
        for path, text in unit.files(service).items():
            file = tmp_path / path.relative_to("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return tmp_path / unit.UNIT_FILE.relative_to("/")

    return write


@pytest.mark.parametrize("settings", ["/etc/flicbridge/flicbridge.toml", "/srv/mon cabinet/100% $HOME.toml"])
def test_systemd_understands_every_line(installed: Callable[..., Path], settings: str) -> None:
    said = analyze("verify", installed(settings))
    assert (said.returncode, said.stderr, said.stdout) == (0, "", "")


def test_systemd_would_complain_of_a_line_that_is_wrong(installed: Callable[..., Path]) -> None:
    file = installed()
    file.write_text(
        file.read_text(encoding="utf-8").replace("ProtectSystem=", "ProtectSystme="), encoding="utf-8"
    )
    assert "ProtectSystme" in analyze("verify", file).stderr


def test_it_is_as_closed_as_it_is_meant_to_be(installed: Callable[..., Path]) -> None:
    said = analyze("security", "--offline=true", f"--threshold={LARGEST_EXPOSURE}", installed())
    assert said.returncode == 0, said.stdout
    assert "Overall exposure level" in said.stdout


def test_an_open_one_would_not_pass(installed: Callable[..., Path]) -> None:
    file = installed()
    text = file.read_text(encoding="utf-8").replace("CapabilityBoundingSet=\n", "")
    file.write_text(text, encoding="utf-8")
    assert analyze("security", "--offline=true", f"--threshold={LARGEST_EXPOSURE}", file).returncode != 0


def test_the_program_of_the_package_is_what_the_file_in_the_repository_starts() -> None:
    text = UNIT.read_text(encoding="utf-8")
    assert "\nExecStart=/usr/bin/flicbridge run --config /etc/flicbridge/flicbridge.toml\n" in text
    assert str(unit.SETTINGS) in text


def seconds(key: str) -> float:
    """A time of the unit."""
    (value,) = re.findall(rf"^{key}=(\d+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    return float(value)


def test_systemd_has_patience_for_a_canary_that_dies_and_the_next_one_that_is_late() -> None:
    assert seconds("WatchdogSec") >= 2 * (watchdog.SING_EVERY_S + watchdog.LIMIT_S)
    assert seconds("WatchdogSec") / watchdog.PER_PATIENCE >= watchdog.SING_EVERY_S


def test_whoever_installs_the_service_waits_until_it_has_stopped_and_started() -> None:
    assert seconds("TimeoutStopSec") + seconds("TimeoutStartSec") < systemd.STEP_TIMEOUT_S


def test_the_bus_is_told_of_bluez_and_nobody_else() -> None:
    policy = ElementTree.parse(REPOSITORY / "systemd/flicbridge.dbus").getroot()  # our own file
    (rules,) = policy.iter("policy")
    assert rules.attrib == {"user": "flicbridge"}
    assert (rules[0].tag, rules[0].attrib) == ("deny", {"send_type": "method_call"})
    allowed = {rule.get("send_destination") for rule in rules if rule.tag == "allow"}
    assert allowed == {"org.bluez", "org.freedesktop.DBus"}


# ---- within the rules


def confined(*command: object) -> list[str]:
    return [str(PYTHON), str(CONFINE), str(UNIT), *map(str, command)]


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        ("import os; os.chown('/dev/null', 0, 0)", "PermissionError"),
        ("import os; os.chroot('/')", "PermissionError"),
        ("import time; time.clock_settime(0, 0)", "PermissionError"),
        ("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "Address family not supported"),
        ("import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)", "PermissionError"),
    ],
)
def test_what_the_rules_forbid_is_refused(deed: str, error: str) -> None:
    done = subprocess.run(
        confined(PYTHON, "-c", deed), capture_output=True, text=True, timeout=60, check=False
    )
    assert error in done.stderr


class Hook(HTTPServer):
    """A receiver; `arrived` is released for every message."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Take)
        self.bodies: list[bytes] = []
        self.arrived = threading.Semaphore(0)


class Take(BaseHTTPRequestHandler):
    """Takes what is posted."""

    server: Hook

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(204)
        self.end_headers()
        self.server.arrived.release()

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver on this machine."""
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def confined_bridge(tmp_path: Path, hook: Hook) -> Iterator[Path]:
    """A bridge under the rules of the unit, its secret handed over as systemd does; gives its settings."""
    settings = tmp_path / "flicbridge.toml"
    settings.write_text(SETTINGS.format(port=hook.server_port), encoding="utf-8")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "hub-key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", encoding="ascii")
    command = confined(PYTHON, "-m", "flicbridge", "run", "--config", settings)
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "bridge_ready" not in (line := process.stderr.readline()):
            assert line, f"the bridge ended with {process.wait()}"
            assert '"level": "error"' not in line
        yield settings
        process.terminate()
        rest = process.stderr.read()
    assert process.returncode == 0
    assert '"level": "error"' not in rest


def ask(*command: object) -> str:
    arguments = [str(PYTHON), "-m", "flicbridge", *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True).stdout


def test_within_the_rules_a_press_still_reaches_those_who_can_help(confined_bridge: Path, hook: Hook) -> None:
    ask("press", "bureau", "--config", confined_bridge)
    assert hook.arrived.acquire(timeout=30)
    (body,) = hook.bodies
    assert json.loads(body)["source"].endswith("tilleuls-1")
    (bridge_state,) = json.loads(ask("alerts", "list", "--json", "--config", confined_bridge))["alerts"]
    assert bridge_state["kind"] == "emergency"
