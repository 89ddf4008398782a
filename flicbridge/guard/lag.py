"""How late the event loop is: a loop that something blocks cannot take a press."""

from collections import deque
from typing import Final

from flicbridge.clock import Clock
from flicbridge.observation import Observation, Observe

LOOK_EVERY_S: Final = 5.0
KEPT: Final = 12  # looks: a minute
# A press must be on its way within a second, and this is what the loop alone may take of it.
LAGGING_S: Final = 0.5


async def watch_lag(clock: Clock, observe: Observe) -> None:
    """Observe `loop`: `lag_s`, the worst of the last minute; for ever."""
    latest: deque[float] = deque(maxlen=KEPT)
    while True:
        due_s = clock.now_s() + LOOK_EVERY_S
        await clock.sleep(LOOK_EVERY_S)
        latest.append(max(0.0, clock.now_s() - due_s))
        observe(Observation("loop", "lag_s", round(max(latest), 3)))
