"""The guest's first files: a static busybox, the modules, and the script that goes on from there."""

from pathlib import Path
from typing import Final

from tests.e2e.kernel import Kernel

FOLDERS: Final = ("bin", "dev", "proc", "sys", "modules", "ro", "rw", "new", "out")
PROGRAM: Final = 0o100755
FILE: Final = 0o100644
FOLDER: Final = 0o040755
CHARACTER_DEVICE: Final = 0o020600
CONSOLE: Final = (5, 1)


class Archive:
    """A cpio archive in the "newc" format, as far as a kernel needs it.

    Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._count = 0

    def add(self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """Append one entry; `device` is major and minor of a device node."""
        self._count += 1
        named = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(named), 0)
        self._bytes += b"070701" + b"".join(b"%08X" % field for field in fields) + named
        self._pad()
        self._bytes += data
        self._pad()

    def close(self) -> bytes:
        """Return the whole archive."""
        self.add("TRAILER!!!", 0)
        return bytes(self._bytes)

    def _pad(self) -> None:
        self._bytes += bytes(-len(self._bytes) % 4)


def build(kernel: Kernel, busybox: Path, init: Path) -> bytes:
    """Return the initramfs for a kernel."""
    archive = Archive()
    for folder in FOLDERS:
        archive.add(folder, FOLDER)
    archive.add("dev/console", CHARACTER_DEVICE, device=CONSOLE)
    archive.add("bin/busybox", PROGRAM, busybox.read_bytes())
    archive.add("init", PROGRAM, init.read_bytes())
    for step, modules in (("root", kernel.root_modules), ("bluetooth", kernel.bluetooth_modules)):
        for module in modules:
            archive.add(f"modules/{module.name}", FILE, module.read_bytes())
        archive.add(f"modules/{step}", FILE, "".join(f"{module.name}\n" for module in modules).encode())
    return archive.close()
