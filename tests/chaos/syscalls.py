"""System calls that fail in a running process, by strace: what a dying disk answers."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 20.0
INJECTED: Final = "(INJECTED)"


def why_not() -> str:
    """Why nobody can be traced here, or nothing."""
    if shutil.which("strace") is None:
        return "no strace"
    works = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if works.returncode == 0 else "strace may not trace here"


class FailingCalls:
    """Some calls of a process on some files fail with EIO, from `begin` to `end`."""

    def __init__(self, calls: str, files: tuple[Path, ...], trace: Path) -> None:
        self._calls, self._files, self._trace = calls, files, trace
        self._strace: subprocess.Popen[str] | None = None

    def begin(self, pid: int) -> None:
        """Attach to every thread of a process; returns once that is done."""
        paths = [word for file in self._files for word in ("-P", str(file))]
        self._strace = subprocess.Popen(
            [
                *("strace", "-f", "-p", str(pid), "-o", str(self._trace), *paths),
                *("-e", f"trace={self._calls}", "-e", f"inject={self._calls}:error=EIO"),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._strace.stderr is not None
        said = self._strace.stderr.readline()
        if "attached" not in said:
            raise RuntimeError(f"strace does not attach: {said}")

    def end(self) -> None:
        """Let go of it."""
        if self._strace is not None:
            self._strace.send_signal(signal.SIGINT)
            self._strace.communicate(timeout=TIMEOUT_S)
            self._strace = None

    @property
    def has_failed(self) -> bool:
        """Whether any call was made to fail."""
        return INJECTED in self._trace.read_text(errors="replace")
