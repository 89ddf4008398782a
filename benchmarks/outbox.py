"""What a long queue and a long history cost: start, press, memory, pruning.

    python benchmarks/outbox.py          # a tenth of it, for `make benchmarks`
    python benchmarks/outbox.py --full   # 100,000 queued messages, 1,000,000 in history

The real bridge runs on real files, in a process of its own each time. A press is timed from the call to the
first bytes of its message at the transport's door, commit with fsync included, in these stores:

- empty, and full: the only channel leads to a port where nobody listens, as on a day on which such a queue
  comes about. Presses share disk, loop and channel with what is tried again meanwhile. The two take turns,
  for a machine has its moods; each round begins with the store as it was filled.
- outage: a thousand messages, all from the last seconds, and a network that swallows everything: every try
  hangs until its timeout.
- recovery: the same thousand, and a receiver that takes them all as fast as they come.
- pruning: the full store, while the oldest of its history is deleted without a pause (a fifth; with --full,
  50,000); the bridge itself deletes a little every few minutes.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from benchmarks.past import Past, fill
from flicbridge import logs
from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.clock import SystemClock
from flicbridge.config import Settings
from flicbridge.credentials import Credentials, Environment
from flicbridge.house import Bridge
from flicbridge.outbox.store import SLICE, SLICES
from flicbridge.transport.base import Message, Receipt
from flicbridge.transport.http import HttpTransport

PRESSES: Final = 100  # in each round
FEW: Final = (
    25  # where nothing gets through: fewer than a channel tries at a time, or they would wait for each other
)
PAUSE_S: Final = 0.05
RECENT: Final = 1000  # messages of the last seconds
TRIES: Final = 50  # what an hour without network makes of a message
YEAR_S: Final = 365 * 86_400.0
HOUR_S: Final = 3600.0
NOBODY: Final = "http://127.0.0.1:9/"
SETTINGS: Final[dict[str, Any]] = {
    "doctor": {"name": "Dr Anne Martin", "phone": "+33612345678"},
    "practice": {"name": "Cabinet des Tilleuls", "address": "12 rue des Tilleuls, 87000 Limoges"},
    "alerts": {"join_within": "0s", "keep_days": 3650},  # pruning is measured by itself
    "buttons": [{"name": "bureau", "family": "virtual", "gestures": {"single": "alert"}}],
    "plan": [{"after": "0s", "notify": ["hub"]}],
}
CREDENTIALS: Final = Credentials(
    [Environment({"FLICBRIDGE_SECRET_HUB": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})]
)

type Found = dict[str, list[float]]
"""What was measured, by name; each value once per press, or once per round."""

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


async def measure(folder: Path, url: str, *, presses: int, forget_s: float | None) -> Found:
    """Start the bridge on a store, press, and say how it went; while it forgets what is older, or not."""
    began_s = time.monotonic()
    settings = Settings.read(_settings(folder, url), folder)
    with Door() as door:
        async with open_bridge(settings, CREDENTIALS, clock=SystemClock()) as bridge:
            running = asyncio.ensure_future(bridge.run())  # noqa: TID251 - a benchmark owns its tasks
            await bridge.ready.wait()
            found = {"start_s": [time.monotonic() - began_s]}
            if forget_s is not None:
                found |= await _press_while_pruning(bridge, door, forget_s)
            else:
                found["press_ms"] = [await _press(bridge, door) for _ in range(presses)]
            found["memory_mb"] = [_peak_mb()]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return found


def _settings(folder: Path, url: str) -> dict[str, Any]:
    channel = {"transport": "http", "url": url, "secret": "hub"}
    return {
        **SETTINGS,
        "bridge": {"id": "benchmark", "state_dir": str(folder)},
        "recipients": [{"name": "hub", "channels": [channel]}],
    }


async def _press(bridge: Bridge, door: Door) -> float:
    """Milliseconds from a press to the transport's door."""
    await asyncio.sleep(PAUSE_S)  # noqa: TID251 - real time is what is measured
    began_s = time.monotonic()
    taken = await bridge.press("bureau", "single")
    return 1000 * (await door.reached(str(taken.alert)) - began_s)


async def _press_while_pruning(bridge: Bridge, door: Door, forget_s: float) -> Found:
    """Press until all history that is older is gone."""
    store, before, pruned = bridge._parts.store, SystemClock().now_at() - timedelta(seconds=forget_s), 0
    longest_s = 0.0

    async def forget() -> None:
        nonlocal pruned, longest_s
        found = 1
        while found:
            began_s = time.monotonic()
            found = await store.prune(before)
            pruned, longest_s = pruned + found, max(longest_s, time.monotonic() - began_s)

    began_s, presses = time.monotonic(), []
    pruning = asyncio.ensure_future(forget())  # noqa: TID251
    while not pruning.done():
        presses.append(await _press(bridge, door))
    await pruning
    took_s = time.monotonic() - began_s
    return {"press_ms": presses, "pruned": [pruned], "prune_s": [took_s], "longest_call_s": [longest_s]}


def _peak_mb() -> float:
    """The most memory this process has had. (`getrusage` would count what it was forked from.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


# -- receivers ---------------------------------------------------------------------------------------------


@contextmanager
def swallowing() -> Iterator[str]:
    """A port where connections are made and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@contextmanager
def taking() -> Iterator[str]:
    """A receiver that takes everything."""

    class Takes(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Takes) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        serving.join()


# -- rounds and the table ----------------------------------------------------------------------------------


def in_own_process(folder: Path, url: str, *, presses: int = PRESSES, forget_s: float | None = None) -> Found:
    """Measure in a process of its own, and leave the store as it was."""
    words = [sys.executable, __file__, "--inside", str(folder), "--url", url, "--presses", str(presses)]
    words += [] if forget_s is None else ["--forget", str(forget_s)]
    began_at = SystemClock().now_at().timestamp()
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    db = sqlite3.connect(folder / DATABASE)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("DELETE FROM alert WHERE pressed_at > ?", (began_at,))
    db.commit()
    db.close()
    return dict(json.loads(done.stdout))


def together(rounds: Iterable[Found]) -> Found:
    """All that was found, whatever the round."""
    all_: Found = {}
    for found in rounds:
        for name, values in found.items():
            all_.setdefault(name, []).extend(values)
    return all_


def compare(base: Path, full: Path, rounds: int) -> None:
    """Empty and full in turns."""
    empty = _made(base / "empty")
    pairs = [(in_own_process(empty, NOBODY), in_own_process(full, NOBODY)) for _ in range(rounds)]
    ratios = [_median(loaded) / _median(unloaded) for unloaded, loaded in pairs]
    unloaded, loaded = (together(column) for column in zip(*pairs, strict=True))
    _show("empty", unloaded)
    _show("full", loaded)
    ratio = _median(loaded) / _median(unloaded)
    print(f"  ratio of the medians {ratio:.2f} (by round: {min(ratios):.2f} to {max(ratios):.2f})")


def after_an_outage(base: Path, rounds: int) -> None:
    """A thousand messages of the last seconds, and a network that is gone, or back."""
    for name, receiver in (("outage", swallowing), ("recovery", taking)):
        found = []
        for number in range(rounds):
            folder = _made(base / f"{name}-{number}", Past(RECENT, over_s=30.0, tries=1, is_sent=False))
            with receiver() as url:
                found.append(in_own_process(folder, url, presses=FEW))
        _show(name, together(found))


def prune(full: Path, forget_s: float) -> None:
    """Delete the history that is older while somebody presses."""
    size_mb = _size_mb(full)
    found = in_own_process(full, NOBODY, forget_s=forget_s)
    _show("pruning", found)
    [pruned], [took_s], [longest_s] = found["pruned"], found["prune_s"], found["longest_call_s"]
    print(f"  {pruned:,.0f} alerts pruned in {took_s:.0f} s, {SLICE} at a time between presses")
    print(f"  (at this pace a million would take {1e6 * took_s / pruned / 60:.0f} minutes)")
    print(f"  {SLICES * SLICE} of them, as housekeeping does at once: {1000 * longest_s:.0f} ms at most")
    print(f"  the file: {size_mb:.0f} MB before, {_size_mb(full):.0f} MB after")


def _made(folder: Path, *pasts: Past) -> Path:
    folder.mkdir(mode=0o700)
    fill(folder / DATABASE, *pasts)
    return folder


def _size_mb(folder: Path) -> float:
    return (folder / DATABASE).stat().st_size / 1e6


def _median(found: Found) -> float:
    return statistics.median(found["press_ms"])


def _show(name: str, found: Found) -> None:
    presses = found["press_ms"]
    parts = statistics.quantiles(presses, n=100)
    print(
        f"{name:10}{len(presses):8}{parts[49]:10.2f}{parts[94]:10.2f}{max(presses):10.1f}"
        f"{max(found['start_s']):10.2f}{max(found['memory_mb']):10.0f}",
        flush=True,
    )


def main() -> None:
    """Fill, measure, print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--full", action="store_true", help="100,000 queued and 1,000,000 in history")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--presses", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--forget", type=float, help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.inside:
        logs.set_up("json", "critical")
        print(
            json.dumps(
                asyncio.run(measure(wish.inside, wish.url, presses=wish.presses, forget_s=wish.forget))
            )
        )
        return
    queued, history, rounds = (100_000, 1_000_000, 5) if wish.full else (10_000, 100_000, 2)
    with tempfile.TemporaryDirectory(prefix="flicbridge-benchmark-", dir=os.environ.get("TMPDIR")) as name:
        base, began_s = Path(name), time.monotonic()
        pasts = Past(history, YEAR_S, 1, is_sent=True), Past(queued, HOUR_S, TRIES, is_sent=False)
        full = _made(base / "full", *pasts)
        took_s = time.monotonic() - began_s
        print(f"{queued:,} queued, {history:,} in history: {_size_mb(full):.0f} MB, made in {took_s:.0f} s")
        print(f"{'':10}{'presses':>8}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}{'start s':>10}{'MB':>10}")
        compare(base, full, rounds)
        after_an_outage(base, 3 if wish.full else 1)
        prune(full, forget_s=(0.95 if wish.full else 0.8) * YEAR_S)


if __name__ == "__main__":
    main()
