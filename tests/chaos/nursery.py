"""Where bridges are born within milliseconds: a process that has imported everything, and forks.

Starting Python and importing the bridge costs a second. The nursery is forked off before there is a loop or a
thread, imports once, and from then on forks a child for every bridge. Each is a process like any other: it
opens its files and sockets itself, and SIGKILL ends it as it would end any other.
"""

import asyncio
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Final, Self

from flicbridge.transport.registry import find_transport
from tests.chaos.bridge import Orders, live
from tests.chaos.receiver import TRANSPORTS

LONGEST_ORDERS: Final = 4096


class Life:
    """One bridge, from its birth on.

    It is held by a descriptor of the process and not by its number, which may be somebody else's by then.
    """

    def __init__(self, process: int) -> None:
        self._process = process

    def kill(self) -> None:
        """SIGKILL. Killing the dead does nothing."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing more until it is killed."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, number)

    async def dead(self) -> None:
        """Wait until it is."""
        loop, died = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process, died.set)  # readable once the process has ended
        try:
            await died.wait()
        finally:
            loop.remove_reader(self._process)

    def close(self) -> None:
        """Kill it, and forget it."""
        self.kill()
        os.close(self._process)


class Nursery:
    """Use `Nursery.open()` before anything else in the process, then `give_birth`; close it at the end."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self._line = line
        self._pid = pid

    @classmethod
    def open(cls) -> Self:
        """Fork the nursery. There must be no thread and no event loop yet."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            with suppress(KeyboardInterrupt):
                _raise_children(theirs)
            os._exit(0)
        theirs.close()
        return cls(ours, pid)

    def give_birth(self, orders: Orders, end: socket.socket) -> Life:
        """Start a bridge at this end of a wire, which is closed here."""
        socket.send_fds(self._line, [orders.to_json().encode()], [end.fileno()])
        end.close()
        _, descriptors, _, _ = socket.recv_fds(self._line, 16, 1)
        return Life(descriptors[0])

    def close(self) -> None:
        """End the nursery; bridges that were born here live on."""
        self._line.close()
        os.waitpid(self._pid, 0)


def _raise_children(line: socket.socket) -> None:
    """Fork a child for every order, until the line ends."""
    for transport in TRANSPORTS:  # or every child would import its own anew
        find_transport(transport)
    while True:
        text, descriptors, _, _ = socket.recv_fds(line, LONGEST_ORDERS, 1)
        if not text:
            return
        pid = os.fork()
        if pid == 0:
            line.close()
            _be_a_bridge(Orders.from_json(text.decode()), socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])
        process = os.pidfd_open(pid)
        socket.send_fds(line, [b"born"], [process])
        os.close(process)
        _bury_the_dead()


def _bury_the_dead() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _be_a_bridge(orders: Orders, end: socket.socket) -> None:
    try:
        live(orders, end)
    except BaseException:  # noqa: BLE001 - whatever it is: it must not go on as a second nursery
        traceback.print_exc()
    os._exit(1)
