"""An ext4 in a file: a disk that can be cut off, filled and damaged, and hurts nobody else."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

IMAGE_BYTES: Final = 32 * 2**20
TIMEOUT_S: Final = 60.0
KERNEL: Final = Path("/sys/fs/ext4")


class Image:
    """An ext4 in a file, mounted where a bridge keeps its state."""

    def __init__(self, image: Path, mounted_at: Path) -> None:
        self._image = image
        self._picture = image.with_suffix(".picture")
        self._mounted_at = mounted_at

    def mount_with(self, content: Path) -> None:
        """Make it, with some files on it that are there to stay."""
        with self._image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _do("mkfs.ext4", "-q", str(self._image))
        self._mount(self._image)
        shutil.copytree(content, self._mounted_at, dirs_exist_ok=True)
        _do("sync", "--file-system", str(self._mounted_at))

    def take_picture(self) -> None:
        """Copy what has reached the disk by now."""
        shutil.copyfile(self._image, self._picture)

    def go_on_with_picture(self) -> None:
        """The computer starts again: nothing is there but what is in the picture."""
        self.unmount()
        self._mount(self._picture)

    def damage(self) -> None:
        """Let the kernel find an error, as in a card that dies: it allows no more writing, to anybody."""
        device = _do("findmnt", "--noheadings", "--output", "SOURCE", str(self._mounted_at)).strip()
        (KERNEL / Path(device).name / "trigger_fs_error").write_text("chaos")

    def repair(self) -> None:
        """What a restart of the machine does about that. Nobody may have a file open."""
        self.unmount()
        subprocess.run(
            ["e2fsck", "-fp", str(self._image)], capture_output=True, check=False, timeout=TIMEOUT_S
        )
        self._mount(self._image)

    def _mount(self, image: Path) -> None:
        _do("mount", "-o", "loop,errors=remount-ro", str(image), str(self._mounted_at))

    def unmount(self) -> None:
        """Take it away, if it is there."""
        if self._mounted_at.is_mount():
            _do("umount", str(self._mounted_at))


def _do(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, timeout=TIMEOUT_S, text=True).stdout


def why_not() -> str:
    """Why there can be no such disks here. Try it once: being root is not enough everywhere."""
    if os.geteuid() != 0:
        return "needs root, to mount an image"
    tools = ("mkfs.ext4", "e2fsck", "mount", "umount", "findmnt")
    if missing := [name for name in tools if shutil.which(name) is None]:
        return f"no {', '.join(missing)}"
    with tempfile.TemporaryDirectory() as name:
        disk = Image(Path(name) / "disk.image", Path(name) / "mounted")
        for folder in ("mounted", "content"):
            (Path(name) / folder).mkdir()
        try:
            disk.mount_with(Path(name) / "content")
            disk.unmount()
        except subprocess.CalledProcessError as error:
            return f"images cannot be mounted here: {error.stderr.strip()}"
    return ""
