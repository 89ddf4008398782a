"""In the guest, in place of the bridge: tries what the unit should allow and what it should refuse.

Prints JSON: what came of each. Most of it any user may do who is not confined.
"""

import errno
import json
import mmap
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

AF_BLUETOOTH = 31
CLONE_NEWUSER = 0x10000000
STATE = Path("/var/lib/flicbridge")
CREDENTIALS = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
BUS = ("busctl", "--system", "--timeout=20", "call")
DBUS = "org.freedesktop.DBus"
MULTICAST = ("224.0.0.251", 5353)


def bus_call(*words: str) -> str:
    done = subprocess.run([*BUS, *words], capture_output=True, text=True, timeout=30, check=False)
    return "done" if done.returncode == 0 else done.stderr.strip()


def executable_memory() -> None:
    with mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC):
        pass


def privileged_program() -> None:
    (STATE / "probe").chmod(stat.S_ISUID | 0o755)


def multicast() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.sendto(b"probe", MULTICAST)


DEEDS: dict[str, Callable[[], object]] = {
    "its secret": lambda: (CREDENTIALS / "hub-key").read_text(encoding="ascii"),
    "root's copy of the secret": lambda: Path("/etc/flicbridge/secrets/hub-key").read_text(encoding="ascii"),
    "its settings": lambda: Path("/etc/flicbridge/flicbridge.toml").read_bytes(),
    "a file in its state": lambda: (STATE / "probe").touch(),
    "a file elsewhere": lambda: Path("/srv/open/probe").touch(),
    "somebody's home": lambda: Path("/home/anne/letter").read_bytes(),
    "what others leave in /tmp": lambda: Path("/tmp/letter").read_bytes(),
    "the first process": lambda: Path("/proc/1/status").read_bytes(),
    "the disk": lambda: Path("/dev/vda").stat(),
    "who it can be": lambda: [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()],
    "its place in the queue": lambda: [
        os.getpriority(os.PRIO_PROCESS, 0),
        int(Path("/proc/self/oom_score_adj").read_text()),
    ],
    "the chip itself": lambda: socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, 1),
    "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "multicast": multicast,
    "the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME)),
    "executable memory": executable_memory,
    "a privileged program": privileged_program,
    "another owner": lambda: os.chown(STATE, 0, 0),
    "bluetoothd": lambda: bus_call("org.bluez", "/", f"{DBUS}.ObjectManager", "GetManagedObjects"),
    "systemd on the bus": lambda: bus_call("org.freedesktop.systemd1", "/", f"{DBUS}.Peer", "Ping"),
    "a namespace": lambda: os.unshare(CLONE_NEWUSER),  # last, for in there it would be somebody else
}


def outcome(deed: Callable[[], object]) -> object:
    """What came of it: `done`, what it returned, or the name of the error."""
    try:
        answer = deed()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return answer if isinstance(answer, str | list) else "done"


json.dump({name: outcome(deed) for name, deed in DEEDS.items()}, sys.stdout)
