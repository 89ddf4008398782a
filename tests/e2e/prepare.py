"""Before the tests: see that all programs are there, and fetch a kernel. Exits with 2 if anything is missing.

python -m tests.e2e.prepare
"""

import compileall
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import flicbridge
from tests.e2e import kernel
from tests.e2e.machine import find_program

PROGRAMS: Final = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "bluetoothctl": "bluez",
    "dbus-daemon": "dbus",
    "dbus-uuidgen": "dbus",
    "mke2fs": "e2fsprogs",
    "dmesg": "util-linux",
}
"""Each program with the Debian package that brings it."""
BLUETOOTHD: Final = ("/usr/libexec/bluetooth/bluetoothd", "/usr/lib/bluetooth/bluetoothd")
SOURCES: Final = Path(flicbridge.__file__).parent
COVERED: Final = ("/run", "/proc", "/sys", "/dev")
"""Where the guest has folders of its own, so that it cannot see the host's."""


def cache() -> Path:
    """Where the kernel is kept."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flicbridge-e2e"
    return Path(os.environ.get("E2E_CACHE") or default).resolve()


def missing() -> Iterator[str]:
    """What keeps the tests from running, each with its remedy."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        yield "they need Linux on x86-64: the guest runs this machine's own programs"
        return
    packages = {package for program, package in PROGRAMS.items() if not find_program(program)}
    if not any(Path(place).exists() for place in BLUETOOTHD):
        packages.add("bluez")
    if packages:
        yield f"programs are missing; as root: apt-get install {' '.join(sorted(packages))}"
    for what, path in (("checkout", Path(__file__).resolve()), ("Python", Path(sys.executable).resolve())):
        if any(path.is_relative_to(folder) for folder in COVERED):
            yield f"the {what} lies in {path}, where the guest cannot see it; move it"


def main() -> int:
    """Say what is missing, or make everything ready."""
    if reasons := list(missing()):
        sys.stderr.write("".join(f"end-to-end tests cannot run: {reason}\n" for reason in reasons))
        return 2
    if kernel.find(cache()) is None:
        sys.stderr.write(f"fetching a kernel into {cache()}\n")
        try:
            kernel.fetch(cache())
        except kernel.KernelError as error:
            sys.stderr.write(f"end-to-end tests cannot run: {error}\n")
            return 2
    # What is not compiled here, the guest compiles: at every start, and 25 times slower.
    compileall.compile_dir(str(SOURCES), quiet=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
