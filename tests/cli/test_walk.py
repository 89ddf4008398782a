"""`flicbridge buttons signal`: a walk through the rooms, over the simulated radio."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.cli.walk import BAR_WIDTH, bar

pytest.importorskip("bumble", reason="needs the extra `simulator`")


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


@pytest.fixture
def paired(leaping_flicbridge: Command, rehearsal: Path) -> Path:
    """Settings with a simulated Flic that is paired."""
    said = leaping_flicbridge("pair", "poche", "--no-proof", "--config", rehearsal)
    assert said.code == 0, said.err
    return rehearsal


def settled(settings: Path) -> int:
    db = sqlite3.connect(settings.parent / "state" / "flicbridge.db")
    try:
        ((count,),) = db.execute("SELECT event_count FROM button").fetchall()
    finally:
        db.close()
    return int(count)


def test_a_walk_of_some_seconds_ends_with_a_summary(leaping_flicbridge: Command, paired: Path) -> None:
    said = leaping_flicbridge("buttons", "signal", "poche", "--seconds", 60, "--config", paired)
    assert said.code == 0, said.err
    assert "Enter: the next room" in said.out
    row = next(line for line in said.out.splitlines() if "poche" in line)
    assert re.search(r"Room 1 +poche +-60 dBm +-60 dBm +-60 dBm +0\.\d s +good", row)
    assert "Dead zones" not in said.out


def test_a_program_gets_the_walk_as_json(leaping_flicbridge: Command, paired: Path) -> None:
    said = leaping_flicbridge("buttons", "signal", "--seconds", 20, "--config", paired, "--json")
    assert said.code == 0, said.err
    (room,) = said.json["rooms"]
    assert (room["room"], room["button"], room["verdict"]) == ("Room 1", "poche", "good")
    assert room["took_s"] == pytest.approx(20, abs=1)
    assert 100 < room["advertisements"] <= 211
    assert (room["min_dbm"], room["median_dbm"], room["max_dbm"]) == (-60, -60, -60)


def test_taps_on_a_simulated_button_are_calls_for_help_to_nobody(
    leaping_flicbridge: Command, paired: Path
) -> None:
    before = settled(paired)
    assert leaping_flicbridge("buttons", "signal", "--seconds", 40, "--config", paired).code == 0
    assert settled(paired) >= before + 8, "two presses, each of four counts"


def test_without_a_paired_button_there_is_nothing_to_listen_for(flicbridge: Command, rehearsal: Path) -> None:
    said = flicbridge("buttons", "signal", "--config", rehearsal)
    assert (said.code, said.out) == (2, "")
    assert "flicbridge pair" in said.err


def says(process: "subprocess.Popen[str]", text: str) -> bool:
    """Read its standard error until it says something."""
    assert process.stderr is not None
    while line := process.stderr.readline():
        if text in line:
            return True
    return False


@pytest.mark.real_time
def test_enter_begins_a_room_and_an_interrupt_ends_with_the_summary(paired: Path) -> None:
    command = [sys.executable, "-m", "flicbridge", "buttons", "signal", "--json", "--config", str(paired)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
        assert process.stdin is not None
        assert says(process, "Enter: the next room")
        process.stdin.write("Salle d'attente\n\n")
        process.stdin.flush()
        assert says(process, "Room 3")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    rooms = [room["room"] for room in json.loads(out)["rooms"]]
    assert rooms == ["Room 1", "Salle d'attente", "Room 3"]


@pytest.mark.parametrize(
    ("rssi_dbm", "filled"),
    [(None, 0), (-120, 0), (-100, 0), (-70, BAR_WIDTH // 2), (-40, BAR_WIDTH), (0, BAR_WIDTH)],
)
def test_a_bar_is_as_long_as_the_signal_is_loud(rssi_dbm: int | None, filled: int) -> None:
    assert bar(rssi_dbm) == "█" * filled + "·" * (BAR_WIDTH - filled)
