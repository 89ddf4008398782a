"""Runs a command under the system-call rules of a unit, as systemd would:  confine.py UNIT COMMAND...

What systemd itself translates for the kernel is translated here from the same lines: SystemCallFilter=,
RestrictAddressFamilies= and MemoryDenyWriteExecute=. The sets of calls are those of `systemd-analyze`, the
rest is libseccomp, which systemd uses, too.
"""

import ctypes
import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ALLOW: Final = 0x7FFF0000
LARGEST_FAMILY: Final = 64
EQUAL: Final = 4
GREATER: Final = 6
MASKED_EQUAL: Final = 7

PROT_WRITE: Final = 2
PROT_EXEC: Final = 4
SHM_EXEC: Final = 0o100000


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp` of seccomp.h."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def refusal(number: int) -> int:
    """SCMP_ACT_ERRNO."""
    return 0x00050000 | number


class Filter:
    """One filter; the kernel asks all that are loaded, and the strictest answer counts."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, comparison: Comparison | None = None) -> None:
        """Say what becomes of a system call; of one that this machine does not have, nothing."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        count = 0 if comparison is None else 1
        given = (Comparison * 1)(comparison or Comparison())
        failed = self._library.seccomp_rule_add_array(
            self._filter, ctypes.c_uint32(action), number, ctypes.c_uint(count), given
        )
        if failed:
            raise OSError(-failed, f"no rule for {call}")

    def load(self) -> None:
        """Hand it to the kernel, for this process and what becomes of it."""
        if failed := self._library.seccomp_load(self._filter):
            raise OSError(-failed, "the kernel refused the filter")


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


def members(name: str) -> Iterator[str]:
    """The calls of a set, and of the sets in it."""
    if not name.startswith("@"):
        yield name
        return
    asked = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    # It would tell the service manager of its own end, as if it were the service.
    quiet = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    said = subprocess.run(asked, env=quiet, capture_output=True, text=True, check=True).stdout
    lines = said.splitlines()
    for line in lines[1:]:
        if (word := line.strip()) and not word.startswith("#"):
            yield from members(word)


def permitted(unit: str) -> set[str]:
    """The system calls that are left by all lines SystemCallFilter=."""
    calls = set(members("@default"))
    for line in values(unit, "SystemCallFilter"):
        listed = {call for name in line.removeprefix("~").split() for call in members(name)}
        calls = calls - listed if line.startswith("~") else calls | listed
    return calls


def deny_writable_code() -> None:
    rules = Filter(ALLOW)
    for call, argument, bits in (
        ("mmap", 2, PROT_WRITE | PROT_EXEC),
        ("mprotect", 2, PROT_EXEC),
        ("pkey_mprotect", 2, PROT_EXEC),
        ("shmat", 2, SHM_EXEC),
    ):
        rules.add(refusal(errno.EPERM), call, Comparison(argument, MASKED_EQUAL, bits, bits))
    rules.load()


def deny_families_except(names: list[str]) -> None:
    rules = Filter(ALLOW)
    wanted = {int(getattr(socket, name)) for name in names}
    refused = refusal(errno.EAFNOSUPPORT)
    for family in set(range(LARGEST_FAMILY + 1)) - wanted:
        rules.add(refused, "socket", Comparison(0, EQUAL, family, 0))
    rules.add(refused, "socket", Comparison(0, GREATER, LARGEST_FAMILY, 0))
    rules.load()


def confine(unit: str) -> None:
    """Put all of it on this process."""
    calls = permitted(unit)
    if values(unit, "MemoryDenyWriteExecute") == ["yes"]:
        deny_writable_code()
    deny_families_except([name for line in values(unit, "RestrictAddressFamilies") for name in line.split()])
    number = getattr(errno, values(unit, "SystemCallErrorNumber")[0])
    rules = Filter(refusal(number))
    for call in calls:
        rules.add(ALLOW, call)
    rules.load()


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execv(sys.argv[2], sys.argv[2:])
