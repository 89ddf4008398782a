"""What the board is told of the machine under the bridge, and what of that is a problem. Pure.

Numbers move all the time; whether something is wrong does not, and the board knows since when it is so.
"""

from collections.abc import Iterator
from typing import Final

from flicbridge.guard.board import Board
from flicbridge.guard.host import MIB, HostFacts
from flicbridge.guard.trouble import Trouble
from flicbridge.observation import Observation, Value

SUBJECT: Final = "host"

PROBLEMS: Final = {
    "disk_low": (True, "disk_free_mib", "MiB"),
    "disk_read_only": (True, "", ""),
    "memory_short": (True, "memory_free_mib", "MiB"),
    "host_hot": (True, "temperature_c", "°C"),
    "under_voltage": (True, "", ""),
    "clock_synchronised": (False, "", ""),
}
"""The facts that are problems: with which value, and the number that is shown with it, and its unit."""

NAMED: Final = {"clock_synchronised": "clock_unsynchronised"}


def observations(host: HostFacts) -> Iterator[Observation]:
    """All that is known of the machine; None is what it does not tell."""
    disk, memory, supply = host.disk, host.memory, host.supply
    facts: dict[str, Value] = {
        "model": host.model,
        "disk_free_mib": None if disk is None else disk.free_bytes // MIB,
        "disk_low": None if disk is None else disk.is_low,
        "disk_read_only": None if disk is None else disk.is_read_only,
        "memory_free_mib": None if memory is None else memory.available_bytes // MIB,
        "memory_short": None if memory is None else memory.is_short,
        "temperature_c": host.temperature_c,
        "host_hot": host.is_hot,
        # It dips for moments, most often while nobody looks; and one dip can spoil a memory card.
        "under_voltage": None if supply is None else supply.under_voltage_since_boot,
        "clock_synchronised": host.clock_synchronised,
    }
    return (Observation(SUBJECT, fact, value) for fact, value in facts.items())


def troubles(board: Board) -> Iterator[Trouble]:
    """What is wrong with the machine."""
    for fact, (wrong, number, unit) in PROBLEMS.items():
        note = board.note(SUBJECT, fact)
        if note is not None and note.value is wrong:
            value = board.value(SUBJECT, number) if number else None
            detail = "" if value is None else f"{value:g} {unit}"
            yield Trouble(SUBJECT, NAMED.get(fact, fact), detail, note.since_at)
