"""How many are on the air: more than honest devices make is told, and bleak's memory of them is bounded.

bleak remembers every sender that a scanner ever heard, and whoever invents an address per packet makes a
thousand of them in a second. So a scanner that has heard of many is replaced.
"""

from collections.abc import Callable
from typing import Final

from flicbridge.clock import Clock
from flicbridge.press.incidents import Incident, Incidents, Surge

# bleak keeps about 2 kB of each. A busy street fills that in half an hour or more, as phones change their
# addresses every 15 minutes; a new scanner costs milliseconds.
SENDERS: Final = 2000
FULL_TOO_SOON_S: Final = 120.0  # 1000 new senders a minute: more than a railway station
# Packets that are sent at random moments destroy each other: of 0.4 ms each, no more than 500 a second come
# through on one channel (ALOHA), however many devices there are. A single one that never rests does more.
MANY_PER_S: Final = 500
STRETCH_S: Final = 10.0
LOOK_EVERY: Final = 250  # advertisements; counting senders costs as much as there are


class Crowd:
    """Watches one radio's scanners, one after the other.

    Args:
        incidents: of the radio; told of floods.
        clock: what time it is.

    Attributes:
        is_full: the present scanner has heard of so many senders that it must be replaced.
    """

    def __init__(self, incidents: Incidents, clock: Clock) -> None:
        self.is_full = False
        self._incidents = incidents
        self._clock = clock
        self._surge = Surge(many=int(MANY_PER_S * STRETCH_S), stretch_s=STRETCH_S)
        self._count_senders: Callable[[], int] = int
        self._began_s = clock.now_s()
        self._heard = 0

    def begin(self, count_senders: Callable[[], int]) -> None:
        """Watch a new scanner.

        Args:
            count_senders: returns how many it has heard of.
        """
        self.is_full = False
        self._count_senders = count_senders
        self._began_s = self._clock.now_s()

    def hear(self) -> None:
        """Count one advertisement."""
        self._heard += 1
        if self._heard == LOOK_EVERY:
            self.look()

    def look(self) -> None:
        """Judge what was heard since the last look. Due now and then, lest the end of a flood be missed."""
        now_s = self._clock.now_s()
        heard, self._heard = self._heard, 0
        if flood := self._surge.add(heard, now_s):
            self._note(f"{flood / STRETCH_S:.0f} advertisements per second")
        if self.is_full or (senders := self._count_senders()) < SENDERS:
            return
        self.is_full = True
        if now_s < self._began_s + FULL_TOO_SOON_S:
            self._note(f"{senders} senders within {now_s - self._began_s:.0f} s")

    def _note(self, detail: str) -> None:
        self._incidents.note(Incident.FLOOD, "advertisement_flood", detail)
