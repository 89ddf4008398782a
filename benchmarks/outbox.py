"""What a long queue and a long history cost: start, press, memory, pruning.

    python benchmarks/outbox.py          # a tenth of it, for `make benchmarks`
    python benchmarks/outbox.py --full   # 100,000 queued messages, 1,000,000 in history

The real bridge runs on real files, in a process of its own for each store. Its only channel leads to a port
where nobody listens, as on a day on which such a queue comes about: so presses share the disk, the loop and
the channel with what is tried again meanwhile. A press is timed from the call to the first bytes of its
message at the transport's door, commit with fsync included.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from flicbridge import logs
from flicbridge.alert.alert import (
    Alert,
    AlertKind,
    AlertState,
    Delivery,
    Doctor,
    Practice,
    Purpose,
    delivery_id,
)
from flicbridge.alert.desk import Standing
from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.clock import SystemClock
from flicbridge.config import Settings
from flicbridge.credentials import Credentials, Environment
from flicbridge.outbox import queries, rows
from flicbridge.outbox.store import Store
from flicbridge.place.position import Position
from flicbridge.transport.base import Message, Receipt
from flicbridge.transport.http import HttpTransport

PRESSES: Final = 100
ROUNDS: Final = 3  # empty and full in turns, for the machine may have other work for a while
PAUSE_S: Final = 0.05
TRIES: Final = 50  # what an hour without network makes of a message
CHANNEL: Final = "hub/0"
SETTINGS: Final[dict[str, Any]] = {
    "bridge": {"id": "benchmark"},
    "doctor": {"name": "Dr Anne Martin", "phone": "+33612345678"},
    "practice": {"name": "Cabinet des Tilleuls", "address": "12 rue des Tilleuls, 87000 Limoges"},
    "alerts": {"join_within": "0s", "keep_days": 3650},  # pruning is measured by itself
    "buttons": [{"name": "bureau", "family": "virtual", "gestures": {"single": "alert"}}],
    "recipients": [
        {
            "name": "hub",
            "channels": [{"transport": "http", "url": "http://127.0.0.1:9/", "secret": "hub"}],
        }
    ],
    "plan": [{"after": "0s", "notify": ["hub"]}],
}
CREDENTIALS: Final = Credentials(
    [Environment({"FLICBRIDGE_SECRET_HUB": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})]
)

# -- a store with a past -----------------------------------------------------------------------------------


def fill(path: Path, *, queued: int, history: int) -> None:
    """Write alerts and their messages as the store would, without waiting for the disk each time."""
    store = Store.open(path)
    asyncio.run(store.close())
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    for past, number in ((True, history), (False, queued)):
        for standing, delivery in _messages(number, past=past):
            _put(db, standing, delivery, past=past)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _messages(number: int, *, past: bool) -> Iterator[tuple[Standing, Delivery]]:
    """Each message with an alert of its own, the worst case: over a year for the history, else an hour."""
    now_at = SystemClock().now_at()
    spread_s = 365 * 86_400 if past else 3600
    template = _alert(now_at)
    for index in range(number):
        at = now_at - timedelta(seconds=spread_s * (number - index) / number)
        alert = replace(template, id=uuid4(), pressed_at=at, received_at=at)
        yield Standing(alert, AlertState.CLOSED, 1, at, at), _delivery(alert)


def _alert(at: Any) -> Alert:
    return Alert(
        id=uuid4(),
        kind=AlertKind.EMERGENCY,
        bridge="benchmark",
        button="bureau",
        gesture="single",
        pressed_at=at,
        received_at=at,
        was_queued=False,
        doctor=Doctor("Dr Anne Martin", "+33612345678"),
        practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2", "4321"),
        position=Position(45.83362, 1.26105, 12.0, label="Cabinet 2"),
    )


def _delivery(alert: Alert) -> Delivery:
    return Delivery(
        id=delivery_id(alert.id, Purpose.ALERT, 0, 0, CHANNEL),
        alert=alert.id,
        purpose=Purpose.ALERT,
        occasion=0,
        recipient="hub",
        channel=CHANNEL,
        made_at=alert.received_at,
        due_at=alert.received_at,
        expires_at=alert.received_at + timedelta(days=1),
    )


def _put(db: sqlite3.Connection, standing: Standing, delivery: Delivery, *, past: bool) -> None:
    db.execute(queries.PUT_STANDING, rows.standing_row(standing))
    state = "sent" if past else "queued"
    tries = 1 if past else TRIES
    row = {**rows.delivery_row(delivery, under_way=False), "state": state, "attempts": tries}
    db.execute(queries.ADD_DELIVERY, row)
    at = delivery.made_at.timestamp()
    attempt = {"delivery": row["id"], "number": 1, "at": at, "took_s": 0.1, "outcome": state, "detail": ""}
    db.execute(queries.ADD_ATTEMPT, attempt)


# -- the bridge on it --------------------------------------------------------------------------------------


class Door:
    """Notes when each alert's first message is at the transport's door."""

    def __init__(self) -> None:
        self.reached_s: dict[str, float] = {}
        self._news = asyncio.Event()
        self._deliver = HttpTransport.deliver

    async def reached(self, alert: str) -> float:
        """When it was there, on the monotonic clock; waits for it."""
        while alert not in self.reached_s:
            self._news.clear()
            await self._news.wait()
        return self.reached_s[alert]

    def __enter__(self) -> "Door":
        door, deliver = self, self._deliver

        async def noted(transport: HttpTransport, message: Message) -> Receipt:
            door.reached_s.setdefault(str(message.alert.id), time.monotonic())
            door._news.set()
            return await deliver(transport, message)

        HttpTransport.deliver = noted  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        HttpTransport.deliver = self._deliver  # type: ignore[method-assign]


async def measure(folder: Path) -> dict[str, float]:
    """Start the bridge on a store, press, prune, and say how it went."""
    began_s = time.monotonic()
    settings = Settings.read({**SETTINGS, "bridge": {"id": "benchmark", "state_dir": str(folder)}}, folder)
    with Door() as door:
        async with open_bridge(settings, CREDENTIALS, clock=SystemClock()) as bridge:
            running = asyncio.ensure_future(bridge.run())  # noqa: TID251 - a benchmark owns its one task
            await bridge.ready.wait()
            found = {"start_s": time.monotonic() - began_s}
            presses = [await _press(bridge, door) for _ in range(PRESSES)]
            found |= _percentiles("press", presses) | {"memory_mb": _peak_mb()}
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return found


async def _press(bridge: Any, door: Door) -> float:
    await asyncio.sleep(PAUSE_S)  # noqa: TID251 - real time is what is measured
    began_s = time.monotonic()
    taken = await bridge.press("bureau", "single")
    return await door.reached(str(taken.alert)) - began_s


async def prune(path: Path) -> dict[str, float]:
    """Forget nine tenths of the history while presses are committed: how long the longest had to wait."""
    store, now_at = Store.open(path), SystemClock().now_at()
    commits: list[float] = []

    async def forget() -> int:
        pruned = 0
        while found := await store.prune(now_at - timedelta(days=36)):
            pruned += found
        return pruned

    pruning = asyncio.ensure_future(forget())  # noqa: TID251
    began_s = time.monotonic()
    while not pruning.done():
        commit_s = time.monotonic()
        await store.forget_subject("nothing")  # a commit of its own, as small as any
        commits.append(time.monotonic() - commit_s)
        await asyncio.sleep(PAUSE_S)  # noqa: TID251
    found = {"pruned": float(await pruning), "prune_s": time.monotonic() - began_s}
    await store.close()
    return found | _percentiles("commit_meanwhile", commits)


def _percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {f"{name}_max_ms": 1000 * max(seconds, default=0.0)}
    parts = statistics.quantiles(seconds, n=100)
    return {
        f"{name}_p50_ms": 1000 * parts[49],
        f"{name}_p95_ms": 1000 * parts[94],
        f"{name}_max_ms": 1000 * max(seconds),
    }


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- the table ---------------------------------------------------------------------------------------------


def _in_own_process(what: str, folder: Path) -> dict[str, float]:
    words = [sys.executable, __file__, "--inside", what, "--folder", str(folder)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Fill, measure, print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--full", action="store_true", help="100,000 queued and 1,000,000 in history")
    parser.add_argument("--inside", choices=["measure", "prune"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.inside:
        logs.set_up("json", "critical")
        work = measure(wish.folder) if wish.inside == "measure" else prune(wish.folder / DATABASE)
        print(json.dumps(asyncio.run(work)))
        return
    queued, history = (100_000, 1_000_000) if wish.full else (10_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="flicbridge-benchmark-", dir=os.environ.get("TMPDIR")) as name:
        empty, full = Path(name) / "empty", Path(name) / "full"
        for folder, owed, past in ((empty, 0, 0), (full, queued, history)):
            folder.mkdir(mode=0o700)
            fill(folder / DATABASE, queued=owed, history=past)
        size_mb = (full / DATABASE).stat().st_size / 1e6
        print(f"{queued} queued, {history} in history, {size_mb:.0f} MB")
        rounds = [[_in_own_process("measure", folder) for folder in (empty, full)] for _ in range(ROUNDS)]
        _show(*(_medians(column) for column in zip(*rounds, strict=True)))
        for key, value in _in_own_process("prune", full).items():
            print(f"{key:24} {value:10.2f}")


def _medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(found[key] for found in rounds) for key in rounds[0]}


def _show(empty: dict[str, float], full: dict[str, float]) -> None:
    print(f"{'':24} {'empty':>10} {'full':>10} {'ratio':>6}")
    for key, value in empty.items():
        print(f"{key:24} {value:10.2f} {full[key]:10.2f} {full[key] / value:6.2f}")


if __name__ == "__main__":
    main()
