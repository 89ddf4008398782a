"""The Debian package, on Debian: installed, started, upgraded, removed and purged. Nothing is booted."""

import csv
import io
import json
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import pytest

from flicbridge import __version__

REPOSITORY: Final = Path(__file__).parents[2]
UNIT: Final = "/usr/lib/systemd/system/flicbridge.service"
LARGEST_BYTES: Final = 20_000_000
LARGEST_EXPOSURE: Final = 15
NEWER: Final = "9.9.0.dev3"
AARCH64: Final = 183
"""e_machine of an ELF file. Source: elf(5)."""

SETTINGS: Final = """
[bridge]
id = "tilleuls-1"
language = "fr"

[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = { latitude = 45.83362, longitude = 1.26105 }

[[buttons]]
name = "bureau"
family = "virtual"
gestures = { single = "alert" }

[[buttons]]
name = "poche"
family = "flic2"
gestures = { long = "alert" }

[[recipients]]
name = "hub"
channels = [ { transport = "http", url = "http://127.0.0.1:9/hook", secret = "hub-key" } ]

[[plan]]
after = "0s"
notify = ["hub"]
"""
# Port 9 (discard) has no listener on any machine of today: every try is refused at once.

pytestmark = pytest.mark.timeout(900)


class Debian(Protocol):
    """A Debian system below a folder: see conftest.py."""

    def path(self, path: str) -> Path: ...
    def run(self, *command: str, user: str = ..., code: int | None = ..., **environment: str) -> str: ...
    def popen(self, *command: str, user: str = ..., **environment: str) -> "subprocess.Popen[str]": ...
    def apt(self, *arguments: str) -> str: ...
    def bring(self, file: Path) -> str: ...


type Unpack = Callable[[], Debian]
type Build = Callable[..., Path]
type Sources = Callable[[str], Path]


def set_up(debian: Debian) -> None:
    """What `flicbridge setup` leaves behind, in the folder that the package has made."""
    debian.path("/etc/flicbridge/flicbridge.toml").write_text(SETTINGS, encoding="utf-8")
    secret = debian.path("/etc/flicbridge/secrets/hub-key")
    secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", encoding="ascii")
    secret.chmod(0o600)
    debian.run("flicbridge", "service", "install")


def lines_of(debian: Debian, key: str) -> list[str]:
    """The values of a key in the unit and its drop-in."""
    files = (UNIT, "/etc/systemd/system/flicbridge.service.d/credentials.conf")
    text = "".join(debian.path(file).read_text(encoding="utf-8") for file in files)
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def folder_for_service(debian: Debian, path: str) -> None:
    """Make a folder as StateDirectory= and its like do."""
    debian.run("install", "-d", "-m", "0700", "-o", "flicbridge", "-g", "flicbridge", path)


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line that a program prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"{process.args!r} ended with {process.wait()}"
    return line


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """The socket on which systemd listens to a service of Type=notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(path))
        path.chmod(0o666)
        ear.settimeout(60)
        yield ear
    path.unlink()


@contextmanager
def started(debian: Debian) -> Iterator[None]:
    """The bridge as the unit would have it: its command, user, folders, credentials and system calls.

    There is neither an adapter nor a bus to ask for one.
    """
    with listening(debian.path("/run/notify")) as ear:
        process = start(debian)
        try:
            assert heard(ear, process) == "READY=1"
            assert heard(ear, process).startswith("WATCHDOG=1\nSTATUS=a press would get through")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            said, _nothing = process.communicate(timeout=60)
            debian.run("rm", "-r", "/run/flicbridge", "/run/credentials")  # as at every stop
        assert process.returncode == 0, said
        ear.setblocking(False)
        *_alive, last = iter(lambda: hear(ear), "")
        assert last == "STOPPING=1"


def hear(ear: socket.socket) -> str:
    """What a service has said; nothing if it has said no more."""
    try:
        return ear.recv(4096).decode()
    except BlockingIOError:
        return ""


def heard(ear: socket.socket, process: "subprocess.Popen[str]") -> str:
    """What a service says next; fails with what it has printed if that is nothing."""
    try:
        return hear(ear)
    except TimeoutError:
        process.kill()
        assert process.stdout is not None
        pytest.fail(f"it has not said a word to systemd, but: {process.stdout.read()}")


def start(debian: Debian) -> "subprocess.Popen[str]":
    """Start the bridge with everything that systemd would give it."""
    folder_for_service(debian, "/var/lib/flicbridge")
    folder_for_service(debian, "/run/flicbridge")
    folder_for_service(debian, "/run/credentials")
    for line in lines_of(debian, "LoadCredential"):
        name, _colon, source = line.partition(":")
        target = f"/run/credentials/{name}"
        debian.run("install", "-m", "0400", "-o", "flicbridge", source, target)
    variables = dict(line.split("=", 1) for line in lines_of(debian, "Environment"))
    (command,) = lines_of(debian, "ExecStart")
    confine = debian.bring(REPOSITORY / "tests/systemd/confine.py")
    debian.path("/root").chmod(
        0o755
    )  # where the unit's rules are put on from; the service itself cannot see it
    return debian.popen(
        "/usr/bin/python3", confine, UNIT, *shlex.split(command),
        user="flicbridge", HOME="/var/lib/flicbridge", RUNTIME_DIRECTORY="/run/flicbridge",
        CREDENTIALS_DIRECTORY="/run/credentials", NOTIFY_SOCKET="/run/notify", WATCHDOG_USEC="60000000",
        **variables,
    )  # fmt: skip


def alerts(debian: Debian) -> list[str]:
    """The ids of all alerts, as root asks for them."""
    said = debian.run("flicbridge", "alerts", "list", "--json")
    shown = said[said.index("{") :]  # without a bridge it says first that it looks into the database
    return [alert["id"] for alert in json.loads(shown)["alerts"]]


@pytest.fixture(scope="module")
def newer(build_package: Build, sources: Sources) -> Path:
    """The package of a later version."""
    return build_package(sources(NEWER))


# ---- what is in it


def control(package: Path, field: str) -> str:
    shown = subprocess.run(
        ["dpkg-deb", "-f", str(package), field], capture_output=True, text=True, check=True
    )
    return shown.stdout.strip()


def contents(package: Path) -> dict[str, str]:
    """The digest of every file in a package, by its path."""
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        return {
            file.name: sha256(stream.read()).hexdigest() if (stream := files.extractfile(file)) else ""
            for file in files
            if not file.issym()
        }


def test_it_is_small_and_says_what_it_needs(package: Path) -> None:
    assert control(package, "Version") == __version__
    assert control(package, "Architecture") == "amd64"
    assert "python3.13," in control(package, "Depends")
    assert "bluez" in control(package, "Recommends")
    assert package.stat().st_size < LARGEST_BYTES


def test_the_same_source_makes_the_same_bytes_wherever_it_is_built(
    build_package: Build, sources: Sources, package: Path, tmp_path: Path
) -> None:
    (environment := tmp_path / "elsewhere").symlink_to(sys.prefix)
    again = build_package(sources(__version__), cache=tmp_path, python=environment / "bin/python")
    assert contents(again) == contents(package)
    # Digests: of two whole packages, pytest would show where they differ, for the rest of the day.
    assert sha256(again.read_bytes()).hexdigest() == sha256(package.read_bytes()).hexdigest()


def test_what_the_libraries_say_is_installed_is_there(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path)], check=True)
    site = tmp_path / "usr/lib/flicbridge/lib/python3.13/site-packages"
    records = list(site.glob("*.dist-info/RECORD"))
    assert len(records) > 20
    listed = [row[0] for record in records for row in csv.reader(record.read_text("utf-8").splitlines())]
    assert [path for path in listed if not (site / path).exists()] == []


def test_a_version_before_a_release_sorts_before_it(newer: Path) -> None:
    version = control(newer, "Version")
    assert version == "9.9.0~~dev3"
    for later in ("9.9.0~rc1", "9.9.0"):
        subprocess.run(["dpkg", "--compare-versions", version, "lt", later], check=True)


def test_the_one_for_a_raspberry_pi_is_built_on_any_machine(build_package: Build, tmp_path: Path) -> None:
    package = build_package(architecture="arm64")
    assert control(package, "Architecture") == "arm64"
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path)], check=True)
    libraries = list(tmp_path.rglob("*.so"))
    assert len(libraries) > 20
    assert {struct.unpack_from("<H", library.read_bytes(), 18)[0] for library in libraries} == {AARCH64}


def test_what_people_read_is_in_it_and_every_link_leads_somewhere(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path)], check=True)
    folder = tmp_path / "usr/share/doc/flicbridge"
    documents = {str(path.relative_to(folder)): path for path in folder.rglob("*.md")}
    guides = {f"docs/{path.name}" for path in (REPOSITORY / "docs").glob("*.md")}
    assert documents.keys() >= {"README.md", "CHANGELOG.md", "firmware-notes.md"} | guides
    links = [
        path.parent / link
        for path in documents.values()
        for link in re.findall(r"\]\(([^)#:]+)[)#]", path.read_text(encoding="utf-8"))
    ]
    assert len(links) > 30
    assert [link for link in links if not link.exists()] == []
    assert (folder / "copyright").read_text(encoding="utf-8").startswith("Format: https://www.debian.org/")


# ---- what becomes of a system


@pytest.fixture(scope="module")
def debian(unpack: Unpack, package: Path) -> Debian:
    """A Debian with the package, set up."""
    system = unpack()
    system.apt("install", system.bring(package))
    set_up(system)
    return system


def test_debians_systemd_understands_the_unit_and_finds_it_closed_enough(debian: Debian) -> None:
    assert debian.run("systemd-analyze", "verify", UNIT).strip() == ""
    threshold = f"--threshold={LARGEST_EXPOSURE}"
    assert "OK" in debian.run("systemd-analyze", "security", "--offline=true", threshold, UNIT)


def test_settings_are_for_the_service_to_read_and_secrets_for_root_alone(debian: Debian) -> None:
    def is_readable(path: str, user: str) -> bool:
        return "ok" in debian.run("sh", "-c", f"cat {path} >/dev/null && echo ok", user=user, code=None)

    settings, secret = "/etc/flicbridge/flicbridge.toml", "/etc/flicbridge/secrets/hub-key"
    assert is_readable(settings, "flicbridge")
    assert not is_readable(settings, "daemon")
    assert not is_readable(secret, "flicbridge")
    assert is_readable(secret, "root")


def test_everything_in_it_belongs_to_root_and_nobody_else_may_write_it(debian: Debian) -> None:
    folders = ("/usr/lib/flicbridge", "/usr/share/doc/flicbridge", UNIT)
    assert (
        debian.run("find", *folders, "!", "-type", "l", "(", "!", "-user", "root", "-o", "-perm", "/022", ")")
        == ""
    )


def test_it_uses_its_own_libraries_whatever_the_environment_says(debian: Debian) -> None:
    evil = debian.path("/tmp/evil")
    evil.mkdir()
    (evil / "typer.py").write_text("raise SystemExit('evil')", encoding="ascii")
    assert debian.run("flicbridge", "--version", PYTHONPATH="/tmp/evil") == f"flicbridge {__version__}\n"


GOSSIP: Final = """<busconfig><policy context="default">
  <allow own="org.example.Gossip"/><allow send_destination="org.example.Gossip"/>
</policy></busconfig>"""

ANSWERING: Final = """
import asyncio
from dbus_fast import BusType
from dbus_fast.aio import MessageBus

async def main():
    # A connection each: whoever may call one name of a connection may call the connection.
    bluez = await MessageBus(bus_type=BusType.SYSTEM).connect()
    gossip = await MessageBus(bus_type=BusType.SYSTEM).connect()
    await bluez.request_name("org.bluez")
    await gossip.request_name("org.example.Gossip")
    print("ready", flush=True)
    await gossip.wait_for_disconnect()

asyncio.run(main())
"""


@pytest.fixture
def bus(debian: Debian) -> Iterator[Callable[[str, str], str]]:
    """`bus(user, name)`: what Debian's bus says when a user calls whoever has that name."""
    debian.path("/etc/dbus-1/system.d/gossip.conf").write_text(GOSSIP, encoding="ascii")
    debian.path("/run/dbus").mkdir(exist_ok=True)
    daemon = debian.popen("dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address=1")
    assert "system_bus_socket" in line_of(daemon)
    answering = debian.popen("/usr/lib/flicbridge/bin/python3", "-c", ANSWERING)
    assert line_of(answering) == "ready\n"

    def call(user: str, name: str) -> str:
        command = (
            "dbus-send",
            "--system",
            "--print-reply",
            f"--dest={name}",
            "/",
            "org.freedesktop.DBus.Peer.Ping",
        )
        return str(debian.run(*command, user=user, code=None))

    yield call
    for process in (answering, daemon):
        process.terminate()
        process.communicate(timeout=60)


def test_on_the_bus_the_service_may_talk_to_bluez_and_to_nobody_else(
    debian: Debian, bus: Callable[[str, str], str]
) -> None:
    assert "method return" in bus("flicbridge", "org.bluez")
    assert "AccessDenied" in bus("flicbridge", "org.example.Gossip")
    assert "method return" in bus("daemon", "org.example.Gossip")


def test_it_is_started_upgraded_with_its_state_removed_and_purged(
    unpack: Unpack, package: Path, newer: Path
) -> None:
    debian = unpack()
    assert "protects nobody yet" in debian.apt("install", debian.bring(package))
    before = set(listed(debian, "/usr"))
    set_up(debian)
    with started(debian):
        debian.run("flicbridge", "press", "bureau")
        assert version(debian) == __version__
    raised = alerts(debian)
    assert len(raised) == 1

    upgraded = debian.apt("install", debian.bring(newer))
    assert "protects nobody yet" not in upgraded
    with started(debian):
        assert alerts(debian) == raised
        assert version(debian) == NEWER

    debian.apt("remove", "flicbridge")
    assert not debian.path("/usr/lib/flicbridge").exists()
    assert not debian.path("/usr/bin/flicbridge").exists()
    assert debian.path("/etc/flicbridge/flicbridge.toml").exists()
    assert debian.path("/var/lib/flicbridge/flicbridge.db").exists()
    debian.apt("install", debian.bring(package))
    assert set(listed(debian, "/usr")) == before
    assert alerts(debian) == raised

    debian.apt("purge", "flicbridge")
    left = [path for path in listed(debian, "/") if "flicbridge" in path and not path.startswith("/root/")]
    assert left == []
    assert "flicbridge" in debian.run("getent", "passwd", "flicbridge")


def version(debian: Debian) -> str:
    """Of the bridge that runs; nobody listens where its messages go, so its status is a failure."""
    return str(json.loads(debian.run("flicbridge", "status", "--json", code=None))["bridge"]["version"])


def listed(debian: Debian, folder: str) -> list[str]:
    """All paths below a folder, without the notes that dpkg and systemd-analyze make for themselves."""
    notes = ("/var/lib/dpkg", "/var/log", "/run/systemd")
    ignored = [word for path in notes for word in ("-path", path, "-prune", "-o")]
    return str(debian.run("find", folder, *ignored, "-print")).splitlines()


# ---- the same without the package


def test_service_install_makes_a_service_that_debians_systemd_understands_and_leaves_no_trace(
    unpack: Unpack, package: Path
) -> None:
    """For a flicbridge that pipx has installed; the package's own environment plays that part, elsewhere."""
    debian = unpack()
    subprocess.run(["dpkg-deb", "-x", str(package), str(debian.path("/opt/x"))], check=True)
    shutil.move(debian.path("/opt/x/usr/lib/flicbridge"), debian.path("/opt/flicbridge"))
    shutil.rmtree(debian.path("/opt/x"))
    debian.path("/etc/flicbridge/secrets").mkdir(parents=True)
    flicbridge = ("/opt/flicbridge/bin/python3", "-m", "flicbridge", "service")
    debian.path("/etc/flicbridge/flicbridge.toml").write_text(SETTINGS, encoding="utf-8")
    debian.path("/etc/flicbridge/secrets/hub-key").write_text(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "ascii"
    )
    before = listed(debian, "/")
    said = debian.run(*flicbridge, "install")
    assert "/etc/systemd/system/flicbridge.service" in said
    left_to_do = [shlex.split(line) for line in said.splitlines() if line.startswith("  ")]
    assert [step[0] for step in left_to_do] == ["systemd-sysusers", *["systemctl"] * 4]
    debian.run(*left_to_do[0])
    assert debian.run("getent", "passwd", "flicbridge")
    assert debian.run("systemd-analyze", "verify", "/etc/systemd/system/flicbridge.service").strip() == ""
    debian.run(*flicbridge, "uninstall")
    assert listed(debian, "/") == before


def test_where_systemd_runs_service_install_does_it_all_itself(unpack: Unpack, package: Path) -> None:
    """systemd is never run here: a program in its place writes down what it is asked for."""
    debian = unpack()
    debian.apt("install", debian.bring(package))
    asked = debian.path("/root/asked")
    stand_in = debian.path("/usr/local/bin/systemctl")
    stand_in.write_text('#!/bin/sh\necho "$@" >>/root/asked\n', encoding="ascii")
    stand_in.chmod(0o755)
    debian.path("/run/systemd/system").mkdir(parents=True)
    set_up(debian)
    assert asked.read_text("ascii").splitlines() == [
        "daemon-reload", "enable flicbridge.service", "restart flicbridge.service",
    ]  # fmt: skip
    asked.unlink()
    debian.run("flicbridge", "service", "uninstall")
    assert asked.read_text("ascii").splitlines() == ["daemon-reload", "try-restart flicbridge.service"]
