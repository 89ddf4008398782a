"""What the service manager is told, on the socket it named."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flicbridge.servicemanager import ServiceManager


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_without_a_socket_nothing_is_told_and_nothing_breaks() -> None:
    manager = ServiceManager.of({})
    manager.ready()
    manager.lives("fine")
    manager.stopping()
    assert manager == ServiceManager(None, None)


def test_it_is_told_what_systemd_understands(ear: socket.socket) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": ear.getsockname()})
    manager.ready()
    manager.lives("protected")
    manager.stopping()
    assert [ear.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1\nSTATUS=protected", b"STOPPING=1"]


def test_a_status_stays_on_its_line(ear: socket.socket) -> None:
    ServiceManager(ear.getsockname()).lives("fine\nMAINPID=1")
    assert ear.recv(100) == b"WATCHDOG=1\nSTATUS=fine MAINPID=1"


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux has abstract names")
def test_a_socket_without_a_file_is_found_by_its_abstract_name() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0flicbridge-test-{os.getpid()}")
        listening.settimeout(5)
        ServiceManager.of({"NOTIFY_SOCKET": f"@flicbridge-test-{os.getpid()}"}).ready()
        assert listening.recv(100) == b"READY=1"


def test_a_manager_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    ServiceManager(str(tmp_path / "nobody")).ready()


def test_one_that_does_not_read_is_not_waited_for(ear: socket.socket) -> None:
    manager = ServiceManager(ear.getsockname())
    for _ in range(10_000):
        manager.lives("fine")
    assert ear.recv(100) == b"WATCHDOG=1\nSTATUS=fine"


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_its_patience_is_what_it_says_to_this_process(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    assert ServiceManager.of(environment).watchdog_s == watchdog_s
