"""The computer in the practice: a QEMU guest on a kernel with Bluetooth.

What runs on it is a `System`. It has no network but one address that leads to one port of the host's
loopback, and a line to the simulated controller.
"""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e import initramfs
from tests.e2e.kernel import Kernel

GUEST: Final = Path(__file__).parent / "guest"
HUB_ADDRESS: Final = "10.0.2.100"  # within the network that QEMU makes up
HUB_PORT: Final = 8600
BOOT_TIMEOUT_S: Final = 120.0  # 6 s on an idle machine
JOB_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0
LONGEST_QUOTE: Final = 2000  # characters of a console
KERNEL_LINE: Final = (
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0 apparmor=0 selinux=0 net.ifnames=0 "
    "random.trust_cpu=on nowatchdog tsc=reliable no_timer_check"
)


class MachineError(Exception):
    """The guest does not do what it should."""


@dataclass(frozen=True, slots=True)
class System:
    """What a machine runs.

    Attributes:
        init: its first program, in the initramfs.
        memory_mib: how much memory it has.
        disk_mib: how large its disk is; what is on there outlasts its power.
        disk_contents: the folder that the disk is a copy of, with owners and modes; None: an empty disk.
        sees_host: it may read the host's `/`.
        kernel_words: further words for its kernel.
    """

    init: Path
    memory_mib: int
    disk_mib: int
    disk_contents: Path | None = None
    sees_host: bool = False
    kernel_words: str = ""


MIRROR: Final = System(GUEST / "init", memory_mib=512, disk_mib=128, sees_host=True)
"""This machine's own files under the same paths, with a layer of memory to write on: so it has this very
Python, environment and checkout.
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job."""

    status: int
    out: str
    err: str


class Job:
    """A shell script at work in the guest.

    Attributes:
        out, err: the files with what it says, which grow while it runs.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.script = folder / f"{name}.sh"
        self.out = folder / f"{name}.out"
        self.err = folder / f"{name}.err"
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self, within_s: float) -> Done:
        """Wait for its end.

        Raises:
            TimeoutError: it did not end.
        """
        async with asyncio.timeout(within_s):
            status = await asyncio.shield(self.ended)
        return Done(status, _text(self.out), _text(self.err))


class Machine:
    """A computer with a disk; off at first.

    Args:
        folder: for everything that is written down; must be empty.
        kernel, system: what it boots.
        accelerator: as QEMU's `-accel` takes it.
        hub_port: the port of this host's loopback that the guest reaches as `HUB_ADDRESS:HUB_PORT`.

    Attributes:
        logs: the folder of the present boot, or of the latest.
        hci: the socket for the controller of the adapter; there is a new one at every boot.
    """

    def __init__(
        self, folder: Path, kernel: Kernel, system: System = MIRROR, *, accelerator: str, hub_port: int
    ) -> None:
        self.logs = folder
        self.hci = folder / "hci.sock"
        self._folder = folder
        self._kernel = kernel
        self._system = system
        self._accelerator = accelerator
        self._hub_port = hub_port
        self._boots = 0
        self._jobs: dict[str, Job] = {}
        self._group = asyncio.TaskGroup()
        self._qemu: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._control: asyncio.StreamWriter | None = None

    async def boot(self) -> None:
        """Switch it on; returns when it takes jobs.

        Raises:
            MachineError: it does not come up; the reason is in `logs`.
        """
        self._boots += 1
        self._prepare()
        with (self.logs / "console.log").open("wb") as console:
            self._qemu = await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console
            )
        self._group = await asyncio.TaskGroup().__aenter__()
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening = self._group.create_task(self._listen(ready), name="control")
        ended = self._group.create_task(self._qemu.wait(), name="qemu")
        either: set[asyncio.Future[Any]] = {ready, ended}
        await asyncio.wait(either, timeout=BOOT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await self.cut_power()
            said = _text(self.logs / "console.log")[-LONGEST_QUOTE:]
            raise MachineError(f"the guest did not come up; its console says:\n{said}")

    async def cut_power(self) -> None:
        """Switch it off without a warning. Only what is on its disk outlasts that."""
        if self._qemu is None:
            return
        qemu, self._qemu = self._qemu, None
        with suppress(ProcessLookupError):
            qemu.kill()
        if self._listening is not None:
            self._listening.cancel()
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await self._group.__aexit__(None, None, None)

    @property
    def has_died(self) -> bool:
        """Whether it went off by itself."""
        return self._qemu is not None and self._qemu.returncode is not None

    def start(self, script: str) -> Job:
        """Have the guest run a shell script."""
        assert self._control is not None, "the machine is off"
        job = Job(str(len(self._jobs) + 1), self.logs / "jobs")
        self._jobs[job.name] = job
        job.script.write_text(script, encoding="utf-8")
        self._control.write(f"{job.name}\n".encode())
        return job

    async def run(self, script: str, *, within_s: float = JOB_TIMEOUT_S) -> str:
        """Have it run a shell script to its end; return what it prints.

        Raises:
            MachineError: it failed.
            TimeoutError: it did not end.
        """
        done = await self.start(script).wait(within_s)
        if done.status:
            raise MachineError(f"{script!r} failed ({done.status}): {done.err or done.out}")
        return done.out

    # -- how it is made ------------------------------------------------------------------------------------

    @property
    def disk(self) -> Path:
        """What survives."""
        return self._folder / "disk.img"

    def _prepare(self) -> None:
        self.logs = self._folder / f"boot-{self._boots}"
        shutil.copytree(GUEST, self.logs / "guest", ignore=shutil.ignore_patterns("__pycache__"))
        (self.logs / "jobs").mkdir()
        (self.logs / "boot.env").write_text(_assignments({"PYTHON": sys.executable}), encoding="utf-8")
        busybox = Path(find_program("busybox") or "busybox")
        image = initramfs.build(self._kernel, busybox, self._system.init)
        (self._folder / "initramfs.cpio").write_bytes(image)

    def _command(self) -> list[str]:
        system, share = self._system, "security_model=none,multidevs=remap"
        host = ["-virtfs", f"local,path=/,mount_tag=root,readonly=on,{share}"] if system.sees_host else []
        # `restrict` keeps the guest from everything but the one address.
        hub = f"guestfwd=tcp:{HUB_ADDRESS}:{HUB_PORT}-cmd:busybox nc 127.0.0.1 {self._hub_port}"
        return [
            "qemu-system-x86_64", "-accel", self._accelerator, "-cpu", "max", "-smp", "2",
            "-m", str(system.memory_mib), "-machine", "pc,hpet=off", "-nodefaults", "-no-reboot",
            "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-kernel", str(self._kernel.image), "-initrd", str(self._folder / "initramfs.cpio"),
            "-append", f"{KERNEL_LINE} {system.kernel_words}",
            *host,
            "-virtfs", f"local,path={self.logs},mount_tag=out,{share}",
            "-drive", f"file={self.disk},format=raw,if=virtio",
            "-netdev", f"user,id=net,restrict=on,{hub}", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=hci,path={self.hci},server=on,wait=off",
            "-device", "virtserialport,chardev=hci,name=hci",
            "-chardev", f"socket,id=control,path={self._folder}/control.sock,server=on,wait=off",
            "-device", "virtserialport,chardev=control,name=control",
        ]  # fmt: skip

    async def _listen(self, ready: asyncio.Future[None]) -> None:
        """Follow what the guest says of its jobs, until its power is cut."""
        path = self._folder / "control.sock"
        reader, writer = await once_there(lambda: asyncio.open_unix_connection(path))
        self._control = writer
        try:
            async for line in reader:
                name, _, status = line.decode().strip().partition(" ")
                if name in self._jobs:
                    self._jobs[name].ended.set_result(int(status))
                elif not ready.done():
                    ready.set_result(None)
        finally:
            self._control = None
            writer.close()


async def once_there[T](connect: Callable[[], Awaitable[T]]) -> T:
    """Connect to a socket of QEMU's as soon as somebody listens there."""
    while True:
        try:
            return await connect()
        except (FileNotFoundError, ConnectionRefusedError):
            await pause(0.02)


async def pause(seconds: float) -> None:
    """Let real time pass."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_future()


def find_program(name: str) -> str | None:
    """Where a program is, also one for administrators; None if it is missing."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def make_disk(path: Path, system: System) -> list[str]:
    """The command that makes the disk for a machine."""
    contents = ["-d", str(system.disk_contents)] if system.disk_contents else []
    program = find_program("mke2fs") or "mke2fs"
    return [program, "-q", "-t", "ext4", "-F", *contents, str(path), f"{system.disk_mib}M"]


def _assignments(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
