"""A Debian kernel for the guest: fetched with apt, unpacked once, with the modules that the guest loads.

Nothing is installed. The kernel's image is kept unpacked, which would take seconds of emulated time in the
guest; QEMU starts the ELF inside through its PVH entry.
"""

import lzma
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

META_PACKAGE: Final = "linux-image-amd64"
APT_TIMEOUT_S: Final = 600.0
XZ_MAGIC: Final = b"\xfd7zXZ\x00"
ELF_MAGIC: Final = b"\x7fELF"

ROOT_MODULES: Final = (
    "virtio_pci", "virtio_console", "virtio_blk", "virtio_net", "9pnet_virtio", "9p", "overlay",
    "crc32c_generic", "ext4",
)  # fmt: skip
"""What it takes to put the guest's root together: the machine's own files, a layer to write on, a disk."""

BLUETOOTH_MODULES: Final = (
    "sha512_generic", "ctr", "drbg",  # first, or the kernel's own test of ecdh fails
    "ecdh_generic", "cmac", "ecb", "ccm",  # asked for by alias, which nobody in the guest resolves
    "af_alg", "algif_hash", "algif_skcipher",  # bluetoothd's
    "bluetooth", "hci_vhci", "uhid",
)  # fmt: skip


class KernelError(Exception):
    """There is no kernel to boot; the text says how to mend that."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What QEMU needs of a kernel.

    Attributes:
        image: the unpacked kernel.
        root_modules, bluetooth_modules: files in the order in which they must be loaded.
    """

    image: Path
    root_modules: tuple[Path, ...]
    bluetooth_modules: tuple[Path, ...]

    @classmethod
    def of(cls, tree: Path) -> Self:
        """Take stock of what `fetch` left in a folder."""
        files = {path.stem: path for path in tree.glob("*.ko")}
        root = load_order(ROOT_MODULES, files)
        everything = load_order((*ROOT_MODULES, *BLUETOOTH_MODULES), files)
        rest = [name for name in everything if name not in root]
        return cls(
            tree / "vmlinux",
            tuple(files[name] for name in root),
            tuple(files[name] for name in rest),
        )


def find(cache: Path) -> Kernel | None:
    """The newest kernel of the cache, or None."""
    found = sorted(cache.glob("*/vmlinux"))
    return Kernel.of(found[-1].parent) if found else None


def fetch(cache: Path) -> Kernel:
    """Download this release's kernel into the cache.

    Raises:
        KernelError: apt knows none, or cannot download it.
    """
    package = _package()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o777)  # as root, apt drops to a user of its own for downloads
        _run("apt-get", "download", "-qq", package, cwd=folder)
        (archive,) = folder.glob("*.deb")
        _run("dpkg-deb", "-x", str(archive), str(folder / "tree"))
        _keep(folder / "tree", folder / "kept")
        target = cache / package
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder / "kept", target)
        return Kernel.of(target)


def _package() -> str:
    about = _run("apt-cache", "depends", META_PACKAGE)
    if not (named := re.search(r"Depends: (linux-image-\S+)", about)):
        raise KernelError(f"apt knows no {META_PACKAGE}: run apt-get update, on Debian for amd64")
    return named.group(1)


def _run(*words: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, check=True, timeout=APT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise KernelError(f"{' '.join(words[:2])} failed: {said.strip()}") from error
    return done.stdout


def _keep(tree: Path, kept: Path) -> None:
    """Keep the kernel and the modules that are used: 80 MB of 400."""
    kept.mkdir()
    (image,) = tree.glob("boot/vmlinuz-*")
    files = {
        path.name.partition(".ko")[0].replace("-", "_"): path
        for path in (tree / "lib/modules").rglob("*.ko*")
    }
    for name in load_order((*ROOT_MODULES, *BLUETOOTH_MODULES), files):
        (kept / f"{name}.ko").write_bytes(_read_module(files[name]))
    (kept / "vmlinux").write_bytes(unpacked(image.read_bytes()))  # last, for it says that all is there


def unpacked(image: bytes) -> bytes:
    """Return the ELF inside a kernel image.

    Raises:
        KernelError: it is packed in a way that this does not know.
    """
    at = image.find(XZ_MAGIC)
    while at >= 0:
        try:
            elf = lzma.LZMADecompressor().decompress(image[at:])
        except lzma.LZMAError:
            elf = b""
        if elf.startswith(ELF_MAGIC):
            return elf
        at = image.find(XZ_MAGIC, at + 1)
    raise KernelError("the kernel image is not packed with xz, as Debian 12 does it")


def load_order(wanted: tuple[str, ...], files: dict[str, Path]) -> list[str]:
    """Return what to load, each module after those it says it needs. What has no file is built in."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in files:
            return
        for needed in _needs(_read_module(files[name])):
            add(needed)
        order.append(name)

    for name in wanted:
        add(name)
    return order


def _needs(module: bytes) -> list[str]:
    found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + module)
    return [name.replace("-", "_") for name in found.group(1).decode().split(",") if name] if found else []


def _read_module(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
