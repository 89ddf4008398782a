"""One button that flicd listens to, seen from the bridge."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, assert_never

import structlog

from flicbridge.clock import Clock
from flicbridge.observation import Observe
from flicbridge.press.event import Counter
from flicbridge.press.facts import Facts
from flicbridge.press.flicd.reports import BatteryRead, Identified, Link, LinkChanged, Pressed
from flicbridge.press.flicd.retelling import Retelling
from flicbridge.press.source import Hear

log = structlog.get_logger()

CUT_OFF: Final = "flicd cannot be reached"


class FlicdButton:
    """A `ButtonSource` of family `flicd`.

    The identity of a press. flicd has neither a boot id nor a count of events, and says everything once. So
    both are ours: with each connection to flicd a new boot id and a first count are drawn, 64 bits that
    nobody used before, and every event counts one up. No two presses are ever the same; but neither is one
    press that is told twice, which happens if flicd dies between hearing it and telling the button so. It
    joins the alert that is open. Two bridges on one flicd raise two alerts.

    What becomes of a press while nobody listens. The protocol has no acknowledgement towards flicd: what it
    has told is forgotten there and in the button. So:

    - We are not connected to flicd, flicd does not run, or the button is out of reach: nothing holds the
      button, and it keeps the press in its memory until it is connected again. Then the press comes with its
      age. (The maintainer in issue 41 of fliclib-linux-hci: kept in RAM until acknowledged.) How many it
      keeps is not documented; a new battery loses them. A button that has stopped calling connects when it
      is pressed the next time: only then does the kept press arrive.
    - Another program has a channel to the same button while we are away: flicd stays connected, and tells it
      alone. For us that press is lost, without a trace.
    - We die after a press was received and before it is on disk: lost. That is the time a gesture takes to be
      told from others, and a few milliseconds. With a Flic 2 on our own radio it would be told again.

    Observed of `button:NAME`: `link` (`waiting`, `connecting`, `up`, `refused`, `not_paired`), `last_error`
    (None when up), `last_heard` (RFC 3339), `serial`, `firmware`, `battery_percent`, `connections` (counted
    since the start).

    Args:
        button: its name in the configuration.
        address: its Bluetooth address, in capitals; what its presses are known by.
        join: makes flicd listen to it for as long as the context lasts.
        clock: what time it is.
        observe: told how the button fares.
    """

    def __init__(
        self,
        button: str,
        address: str,
        join: Callable[["FlicdButton"], AbstractContextManager[None]],
        *,
        clock: Clock,
        observe: Observe,
    ) -> None:
        self.button = button
        self.address = address
        self._join = join
        self._clock = clock
        self._facts = Facts(f"button:{button}", observe)
        self._log = log.bind(button=button)
        self._hear: Hear | None = None
        self._retelling: Retelling | None = None
        self._link: Link | None = None

    async def run(self, hear: Hear) -> None:
        """Listen until cancelled, whatever happens to flicd."""
        self._hear = hear
        self._note_link(Link.WAITING, CUT_OFF)
        with self._join(self):
            await asyncio.get_running_loop().create_future()

    def acknowledge(self, counter: Counter) -> None:
        """Nothing to do: flicd forgets a press as soon as it has told it."""

    # ---- what the connection calls

    def begin(self, begins_after: Counter, now_s: float) -> None:
        """A connection to flicd was made: what was unfinished on the one before will not be told again."""
        self._retelling = Retelling(self.button, self.address, begins_after)
        if self._hear is not None:
            self._hear(self._retelling.link_up(now_s))
        self._note_link(Link.WAITING, None)

    def end(self) -> None:
        """The connection to flicd is gone."""
        self._retelling = None
        self._note_link(Link.WAITING, CUT_OFF)

    def take(self, report: Pressed | LinkChanged | Identified | BatteryRead, now_s: float) -> None:
        """Take in what was said of this button. A press is handed on before anything else."""
        match report:
            case Pressed(_, clicked):
                event = self._retelling.retell(clicked, now_s) if self._retelling is not None else None
                if event is not None and self._hear is not None:
                    self._hear(event)
                self._facts.tell("last_heard", self._clock.now_at().isoformat(timespec="seconds"))
            case LinkChanged(_, link, why):
                self._note_link(link, why)
            case Identified(_, serial, firmware):
                self._facts.tell("serial", serial)
                self._facts.tell("firmware", firmware)
                if self._link is Link.NOT_PAIRED:
                    self._note_link(Link.WAITING, None)
            case BatteryRead(_, percent):
                self._facts.tell("battery_percent", percent)
            case unreachable:
                assert_never(unreachable)

    def _note_link(self, link: Link, why: str | None) -> None:
        if link is Link.UP and self._link is not Link.UP:
            self._facts.count("connections")
            self._log.info("link_up")
        elif self._link is Link.UP and link is not Link.UP:
            self._log.info("link_lost", why=why)
        self._link = link
        self._facts.tell("link", link.value)
        self._facts.tell("last_error", why)
