"""Whether a stopwatch tells a believed cancellation from a doubted one.

    python benchmarks/duress.py [TRIALS]

The real bridge on a real disk, asked over its Unix socket; right and wrong PIN take turns. Printed are the
medians of the time to the answer, of the first cancellation of an alert and of a second one.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from flicbridge import logs
from flicbridge.api.client import ApiClient
from flicbridge.bridge import open_bridge
from flicbridge.clock import SystemClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.errors import ApiError

PINS: Final = ("4711", "0000")
SETTINGS: Final = """
[bridge]
id = "bench"
state_dir = "state"
[doctor]
name = "Dr Anne Martin"
phone = "+33612345678"
[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
[alerts]
duress_pin = "duress-pin"
join_within = "0s"
[[buttons]]
name = "bureau"
family = "virtual"
gestures = { single = "alert" }
[[recipients]]
name = "hub"
channels = [ { transport = "http", url = "http://127.0.0.1:9/", secret = "hub-key" } ]
[[plan]]
after = "0s"
notify = ["hub"]
"""


def _secret(folder: Path, name: str, value: str) -> None:
    (folder / name).write_text(value)
    (folder / name).chmod(0o600)


async def _time_of(bridge: ApiClient, alert: str, pin: str) -> float:
    began_s = time.perf_counter()
    try:
        await bridge.move(alert, "cancel", pin=pin)
    except ApiError as error:  # the second one finds it cancelled
        if error.status is None:
            raise
    return time.perf_counter() - began_s


async def measure(folder: Path, trials: int) -> dict[tuple[str, str], list[float]]:
    """Seconds to the answer, by which cancellation and which PIN."""
    file = folder / "flicbridge.toml"
    file.write_text(SETTINGS)
    (folder / "secrets").mkdir(mode=0o700)
    _secret(folder / "secrets", "duress-pin", PINS[0])
    _secret(folder / "secrets", "hub-key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    took_s: dict[tuple[str, str], list[float]] = {}
    opening = open_bridge(load(file), Credentials.beside(file), clock=SystemClock())
    async with opening as bridge, asyncio.TaskGroup() as group:
        running = group.create_task(bridge.run())
        await bridge.ready.wait()
        client = ApiClient(folder / "state")
        for trial in range(2 * trials):
            pin = PINS[trial % 2]
            alert = (await client.press("bureau"))["alert_id"]
            for which in ("first", "second"):
                took_s.setdefault((which, pin), []).append(await _time_of(client, alert, pin))
        running.cancel()
    return took_s


def main() -> None:
    """Measure and print."""
    logs.set_up(level="critical")
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="flicbridge-duress-", dir=Path.cwd()) as folder:
        took_s = asyncio.run(measure(Path(folder), trials))
    for which in ("first", "second"):
        right, wrong = (sorted(took_s[which, pin]) for pin in PINS)
        medians = statistics.median(right) * 1000, statistics.median(wrong) * 1000
        spread = (right[-(len(right) // 4)] - right[len(right) // 4]) * 1000
        print(
            f"{which} cancellation, {trials} each: right PIN {medians[0]:.3f} ms,"
            f" wrong PIN {medians[1]:.3f} ms (difference {medians[1] - medians[0]:+.3f} ms;"
            f" the middle half spreads over {spread:.3f} ms)"
        )


if __name__ == "__main__":
    main()
