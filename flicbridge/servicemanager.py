"""What the service manager is told: that we are ready, that we live, that we stop. See sd_notify(3).

systemd names a datagram socket in the environment and expects `WATCHDOG=1` there at least every
`WatchdogSec`; a service that falls silent is killed and started anew. Without such a socket nothing is told.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import structlog

log = structlog.get_logger()

MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Whoever started this process and looks after it.

    Attributes:
        address: its datagram socket: a path, or a name in Linux' abstract space after an `@`; None if nobody
            wants to hear anything.
        watchdog_s: how soon it kills a process that says nothing; None: never.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read what it put into the environment; what is meant for another process is left alone."""
        is_meant = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        try:
            microseconds = int(environment.get("WATCHDOG_USEC", "0")) if is_meant else 0
        except ValueError:
            microseconds = 0
        watchdog_s = microseconds / MICROSECONDS if microseconds > 0 else None
        return cls(environment.get("NOTIFY_SOCKET") or None, watchdog_s)

    def ready(self) -> None:
        """Presses are taken from now on."""
        self._tell("READY=1")

    def lives(self, status: str) -> None:
        """It has just been proven that a press would get through.

        Args:
            status: one line for `systemctl status`; nothing about people.
        """
        self._tell(f"WATCHDOG=1\nSTATUS={status.replace('\n', ' ')}")

    def stopping(self) -> None:
        """It ends, and somebody wanted that."""
        self._tell("STOPPING=1")

    def _tell(self, lines: str) -> None:
        """Send, without ever waiting; a manager that does not listen is its own fault, and is logged."""
        if self.address is None:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
                notifying.setblocking(False)
                notifying.sendto(lines.encode(), address)
        except OSError as error:
            log.warning("service_manager_not_told", error=type(error).__name__)
