"""An air on which talking takes its time: links speak only in their connection events.

`Air` alone carries everything at once, which is what most tests want. On a `PacedAir` a radio link is what it
is to a Bluetooth driver, namely slow: whatever is said waits for the link's next connection event, and what
is said in answer waits for the one after. So a question and its answer cost two intervals, whatever the
computers at both ends can do, and a host that asks less is heard sooner.

Left out, as nothing needs them: peripheral latency (a button listens at every event, though it need not),
lost packets, the random delay of advertisements, and the six events until new parameters hold.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from flicbridge.simulator.air import Air, Held

# isort: split
from bumble import hci, ll
from bumble.controller import Controller

EVENT_UNIT_S = 0.00125  # connection intervals, Core Spec vol 4 part E 7.8.12


@dataclass(slots=True)
class _Rhythm:
    """The connection events of one link.

    Attributes:
        first_s: when the first one is.
        interval_s: from one to the next.
        waiting: what was said since the last one, in order.
        timer: wakes us for the next one, while anything waits.
    """

    first_s: float
    interval_s: float
    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    timer: asyncio.TimerHandle | None = None

    def say(self, deliver: Callable[[], None]) -> None:
        """Have something delivered at the next event."""
        self.waiting.append(deliver)
        if self.timer is None:
            loop = asyncio.get_running_loop()
            passed = math.floor((loop.time() - self.first_s) / self.interval_s)
            self.timer = loop.call_at(self.first_s + max(0, passed + 1) * self.interval_s, self._meet)

    def change(self, interval_s: float) -> None:
        """Go on in another interval, counted from now."""
        self.first_s, self.interval_s = asyncio.get_running_loop().time(), interval_s

    def end(self) -> None:
        """What was not said yet never will be."""
        self.waiting.clear()
        if self.timer is not None:
            self.timer.cancel()

    def _meet(self) -> None:
        self.timer = None
        said, self.waiting = self.waiting, deque()
        for deliver in said:
            deliver()


class PacedAir(Air):
    """An air with connection events.

    Args:
        interval_s: of every link when it begins, instead of the shortest that the central would take.
    """

    def __init__(self, interval_s: float | None = None) -> None:
        super().__init__()
        self._interval_s = interval_s
        self._rhythms: dict[frozenset[Controller], _Rhythm] = {}

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Begin the rhythm of a link with the request for it.

        A central may put the first event anywhere within an interval; it is at the end here.
        """
        if isinstance(packet, ll.ConnectInd) and self.caller is not None:
            interval_s = self._interval_s or packet.interval * EVENT_UNIT_S
            first_s = asyncio.get_running_loop().time() + interval_s
            self._rhythms[frozenset({sender_controller, self.caller})] = _Rhythm(first_s, interval_s)
        super().send_advertising_pdu(sender_controller, packet)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        if isinstance(packet, ll.ConnectionUpdateInd):
            ends = (self.find_le_controller(sender_address), self.find_le_controller(receiver_address))
            if rhythm := self._rhythms.get(frozenset(end for end in ends if end is not None)):
                rhythm.change(packet.interval * EVENT_UNIT_S)
        super().send_ll_control_pdu(sender_address, receiver_address, packet)

    def break_links(self, chip: Controller, reason: int = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR) -> None:
        for ends in [each for each in self._rhythms if chip in each]:
            self._rhythms.pop(ends).end()
        super().break_links(chip, reason)

    def carry(self, packet: Held) -> None:
        rhythm = self._rhythms.get(frozenset({packet.sender, packet.receiver}))
        if rhythm is None:
            super().carry(packet)
        else:
            rhythm.say(partial(super().carry, packet))
