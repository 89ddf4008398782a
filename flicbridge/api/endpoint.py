"""Where a running bridge answers, and the files in `state_dir` that say so to its clients.

    api.sock    the Unix socket, where there are such and the path is short enough for one
    api.json    where to ask: {"unix": path | null, "tcp": "host:port" | null, "pid": n}
    api-token   the bearer token for TCP; made once and kept, for other programs are told it

All three are readable by their owner alone: on the Unix socket, that is the whole protection.
"""

import hashlib
import json
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import TypeAdapter, ValidationError

from flicbridge.errors import InputError

# sun_path holds 104 bytes on macOS and the BSDs, 108 on Linux, the final zero included.
LONGEST_SOCKET_PATH: Final = 100
TOKEN_BYTES: Final = 32
# Connecting to a socket on this machine succeeds or fails at once, unless its owner is stopped or stuck.
ANSWER_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a bridge answers.

    Attributes:
        unix: path of its Unix socket, or None if it has none.
        tcp: `host:port` on the loopback, or None.
        pid: the process.
    """

    unix: str | None
    tcp: str | None
    pid: int

    @classmethod
    def read(cls, state_dir: Path) -> Self | None:
        """What a bridge last said about itself, or None. It may be gone.

        Raises:
            OSError: the file is there but cannot be read, such as by another user.
        """
        try:
            return TypeAdapter(cls).validate_json(manifest_path(state_dir).read_bytes(), strict=True)
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def write(self, state_dir: Path) -> None:
        """Tell clients where to ask."""
        _write_privately(manifest_path(state_dir), json.dumps(asdict(self)))


def manifest_path(state_dir: Path) -> Path:
    """The file that says where to ask."""
    return state_dir / "api.json"


def already_running(state_dir: Path) -> InputError:
    """What to tell the person who starts a second bridge."""
    try:
        endpoint = Endpoint.read(state_dir)
    except OSError:
        endpoint = None
    which = f" (process {endpoint.pid})" if endpoint else ""
    return InputError(
        f"flicbridge is already running{which} with the state_dir {state_dir}. "
        "Stop it first, or give this one a state_dir of its own."
    )


SYSTEM_HOMES: Final = ("/run/flicbridge", "/run")


def socket_path(state_dir: Path) -> Path | None:
    """Where the Unix socket goes, or None where it cannot be: on Windows, or with a path too long for it."""
    path = state_dir.absolute() / "api.sock"
    fits = len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
    return path if hasattr(socket, "AF_UNIX") and fits else None


def spare_socket_paths(state_dir: Path, *, make: bool = False) -> Iterator[Path]:
    """Where the Unix socket goes if its folder is read-only or gone: where the system has a place in memory.

    Folders that anybody may write to are none: somebody could be there before us. Below the one for temporary
    files there is one of our own at last, for a user to whom the system gave no other; with `make`, it is
    made if need be.
    """
    if not hasattr(socket, "AF_UNIX"):
        return
    name = f"flicbridge-{hashlib.sha256(os.fsencode(state_dir.absolute())).hexdigest()[:16]}.sock"
    homes = [os.environ.get("RUNTIME_DIRECTORY"), os.environ.get("XDG_RUNTIME_DIR"), *SYSTEM_HOMES]
    for home in filter(None, homes):
        with suppress(OSError):
            if not Path(home).stat().st_mode & stat.S_IWOTH:
                yield Path(home) / name
    if (own := own_temporary_folder(make=make)) is not None:
        yield own / name


def own_temporary_folder(*, make: bool) -> Path | None:
    """A folder among the temporary files that is ours alone; None where that cannot be had.

    It may be there already, made by whoever wants us to believe that: only one that belongs to us and that
    nobody else can enter will do.
    """
    user = os.getuid()
    folder = Path(tempfile.gettempdir()) / f"flicbridge-{user}"
    try:
        if make:
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o077
    return folder if is_ours else None


def bind_unix(path: Path) -> socket.socket:
    """Bind a Unix socket that only its owner can connect to; one left over from a crash is removed.

    Raises:
        InputError: somebody answers there already.
        OSError: it cannot be bound.
    """
    if is_answered(path):
        raise already_running(path.parent)
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)  # before anybody listens, so that there was never a moment to slip in
    except BaseException:
        bound.close()
        raise
    return bound


type Mark = tuple[int, int]
"""What tells one file from another that has taken its place, for as long as the first one is held open."""


def mark_of(file: Path | int) -> Mark | None:
    """The mark of a path, or of an open file; None if there is nothing."""
    try:
        found = os.fstat(file) if isinstance(file, int) else file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def is_answered(path: Path) -> bool:
    """Tell whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (TimeoutError, BlockingIOError):
            return True  # listens, but is busy
    return True


def read_token(state_dir: Path) -> str | None:
    """The bearer token, or None if none was made yet.

    Raises:
        OSError: it cannot be read, such as by another user.
    """
    try:
        return _token(state_dir).read_text(encoding="ascii", errors="replace").strip() or None
    except FileNotFoundError:
        return None


def keep_token(state_dir: Path, known: str | None = None) -> str:
    """The bearer token, made now if there is none; `known` is what it was before somebody removed it."""
    token = read_token(state_dir)
    if token is None:
        token = known or secrets.token_urlsafe(TOKEN_BYTES)
        _write_privately(_token(state_dir), token + "\n")
    with suppress(OSError):  # not ours to change; then somebody else answers for it
        _token(state_dir).chmod(0o600)
    return token


def _token(state_dir: Path) -> Path:
    return state_dir / "api-token"


def _write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner can read, and that is never seen half written."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
