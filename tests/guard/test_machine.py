"""What the machine under the bridge says of itself becomes facts, and problems since it is so."""

import asyncio
from dataclasses import replace

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.host import MIB, DiskFacts, HostFacts, MemoryFacts, SupplyFacts
from flicbridge.guard.machine import observations, troubles

DISK = DiskFacts(2048 * MIB, 32_000 * MIB, "ext4", "/dev/mmcblk0p2", is_read_only=False)
WELL = HostFacts(
    model="Raspberry Pi 4",
    disk=DISK,
    memory=MemoryFacts(300 * MIB, 1024 * MIB),
    temperature_c=51.0,
    supply=SupplyFacts(under_voltage=False, under_voltage_since_boot=False),
    clock_synchronised=True,
)
UNKNOWN = HostFacts("", None, None, None, None, None)


@pytest.fixture
async def board() -> Board:
    return Board(LoopClock(asyncio.get_running_loop()))


def tell(board: Board, host: HostFacts) -> list[tuple[str, str]]:
    for observation in observations(host):
        board.observe(observation)
    return [(trouble.problem, trouble.detail) for trouble in troubles(board)]


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        (WELL, None),
        (UNKNOWN, None),
        (replace(WELL, disk=replace(DISK, free_bytes=100 * MIB)), ("disk_low", "100 MiB")),
        (replace(WELL, disk=replace(DISK, is_read_only=True)), ("disk_read_only", "")),
        (replace(WELL, memory=MemoryFacts(20 * MIB, 1024 * MIB)), ("memory_short", "20 MiB")),
        (replace(WELL, temperature_c=80.0), ("host_hot", "80 °C")),
        (replace(WELL, supply=SupplyFacts(True, True)), ("under_voltage", "")),
        (replace(WELL, supply=SupplyFacts(False, True)), ("under_voltage", "")),
        (replace(WELL, clock_synchronised=False), ("clock_unsynchronised", "")),
    ],
)
async def test_what_is_wrong_with_it_is_said(
    board: Board, host: HostFacts, problem: tuple[str, str] | None
) -> None:
    assert tell(board, host) == ([] if problem is None else [problem])
    assert tell(board, WELL) == []


async def test_numbers_that_move_do_not_move_since_when_it_is_wrong(board: Board) -> None:
    tell(board, replace(WELL, temperature_c=81.0))
    (first,) = troubles(board)
    tell(board, replace(WELL, temperature_c=83.0))
    (later,) = troubles(board)
    assert (later.since_at, later.detail) == (first.since_at, "83 °C")


async def test_none_of_it_is_written_to_disk(board: Board) -> None:
    tell(board, WELL)
    assert list(board.changed()) == []
