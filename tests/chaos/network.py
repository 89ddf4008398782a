"""What the network can do to a message: a row for every fault, over all transports, in time that leaps."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from structlog.testing import capture_logs

from flicbridge.simulator.faultproxy import Mishap
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.outage import KINDS, Aftermath, Kind, Outage, is_possible, rehearse
from tests.chaos.bench import Bench
from tests.chaos.row import Row

LASTS_S: Final = (1.0, 30.0, 600.0)
LASTS_SHORT_S: Final = (30.0,)
WORST_S: Final = 21.0
"""The rest of a try that hangs, or of a wait of a quarter of a minute."""
UNTOUCHED_S: Final = 0.5

NAMES: Final = {
    Mishap.REFUSE: "network: port closed",
    Mishap.BLACK_HOLE: "network: accepted, never answered",
    Mishap.RESET: "network: reset after the request was sent",
    Mishap.RESET_IN_REPLY: "network: reset inside the reply",
    Mishap.DROP_REPLY: "network: receiver acted, reply reset",
    Mishap.LOSE_REPLY: "network: receiver acted, reply lost",
    Mishap.LATENCY: "network: 2 s latency",
    Mishap.STALLS: "network: partial loss, pieces stall",
    Mishap.SLOW_LORIS: "network: one byte a second",
    Mishap.PORTAL: "network: captive portal, 200 with HTML",
    Mishap.REDIRECT: "network: captive portal, redirect",
    Mishap.INTERCEPTED: "network: TLS intercepted",
}


async def network_faults(bench: Bench) -> Sequence[Row]:
    """A row for every fault between the bridge and a real receiver."""
    rows = []
    for number, mishap in enumerate(Mishap):
        kinds = [kind for kind in KINDS if is_possible(kind, mishap)]
        if bench.is_short:  # one transport each, by turns
            kinds = [kinds[number % len(kinds)]]
        lasts_s = LASTS_SHORT_S if bench.is_short else LASTS_S
        rows.append(await asyncio.to_thread(_row, mishap, kinds, lasts_s))
        bench.say(f"{rows[-1].fault}: worst {rows[-1].worst_s:.1f} s")
    return rows


def _row(mishap: Mishap, kinds: Sequence[Kind], lasts_s: Sequence[float]) -> Row:
    """Play one fault over these transports, for so long each. On a loop of its own, for time leaps there."""
    row = Row(NAMES[mishap])
    for kind in kinds:
        for each_s in lasts_s:
            _play(row, Outage(kind, mishap, each_s))
    return row


def _play(row: Row, outage: Outage) -> None:
    row.trials += 1
    row.presses += 1
    case = f"{row.fault}, {outage.kind}, {outage.lasts_s:g} s"
    aftermath = _rehearsed(outage)
    if aftermath is None:
        row.wrong.append(f"{case}: somebody was never told")
        return
    row.told += aftermath.told + 1  # and the bystander
    row.repeats += aftermath.repeats
    row.twice_with_key += aftermath.told - 1
    row.worst_s = max(row.worst_s, aftermath.late_s)
    row.wrong += [f"{case}: {wrong}" for wrong in _wrongs(aftermath)]


def _rehearsed(outage: Outage) -> Aftermath | None:
    """What came of it, on a loop that leaps; None if somebody was never told."""
    aftermath = None
    try:
        with (
            capture_logs(),  # hundreds of tries that fail as they should
            tempfile.TemporaryDirectory(prefix="flicbridge-chaos-") as folder,
            asyncio.Runner(loop_factory=LeapingEventLoop) as runner,
        ):
            aftermath = runner.run(rehearse(outage, Path(folder)))
    except* TimeoutError:
        pass
    return aftermath


def _wrongs(aftermath: Aftermath) -> list[str]:
    found = []
    if aftermath.told != 1:
        found.append(f"told {aftermath.told} times")
    if aftermath.late_s > WORST_S:
        found.append(f"{aftermath.late_s:.1f} s after the end")
    if aftermath.bystander_s > UNTOUCHED_S:
        found.append(f"another channel waited {aftermath.bystander_s:.1f} s")
    return found
