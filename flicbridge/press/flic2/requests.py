"""Questions to the button: at most two unanswered at a time, each with a deadline, the rest wait in line.

Source: fact sheet section 5 ("naming rule") and section 9.7: the vendor's hosts wait for ever, a safety host
takes a missing response for a dead link.
"""

from collections import deque
from typing import Final

from flicbridge.press.flic2.wire.packet import FromButtonOp, Packet

MAX_OUTSTANDING: Final = 2
RESPONSE_TIMEOUT_S: Final = 5.0
"""Generous: a button with the vendor's connection parameters answers within about 2 s."""


class Requests:
    """Which requests wait, and which wait for their response. Responses are known by their opcode."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Packet, FromButtonOp]] = deque()
        self._outstanding: dict[FromButtonOp, float | None] = {}
        self._is_open = False

    def add(self, request: Packet, response: FromButtonOp) -> None:
        """Put a request in line, unless the same question is already under way."""
        pending = {*self._outstanding, *(each for _, each in self._waiting)}
        if response not in pending:
            self._waiting.append((request, response))

    def add_first(self, request: Packet, response: FromButtonOp) -> None:
        """Put a request at the head of the line."""
        self._waiting.appendleft((request, response))

    def open(self) -> None:
        """The line may move from now on."""
        self._is_open = True

    def sent(self, response: FromButtonOp, now_s: float) -> None:
        """Note a request that did not stand in line."""
        self._outstanding[response] = now_s + RESPONSE_TIMEOUT_S

    def pop_ready(self) -> list[Packet]:
        """Return what is to be sent now. Its deadline begins with the next `start_clocks`."""
        ready = []
        while self._is_open and self._waiting and len(self._outstanding) < MAX_OUTSTANDING:
            request, response = self._waiting.popleft()
            self._outstanding[response] = None
            ready.append(request)
        return ready

    def answered(self, response: FromButtonOp) -> bool:
        """Note a response; return whether it was asked for.

        Responses come in the order of their requests, so earlier ones that are still missing never will
        come: older firmware keeps silent on requests it does not know, and that is no dead link.
        """
        if response not in self._outstanding:
            return False
        for earlier in list(self._outstanding):
            del self._outstanding[earlier]
            if earlier is response:
                break
        return True

    def start_clocks(self, now_s: float) -> None:
        """Give a deadline to what was sent since the last call."""
        for response, deadline_s in self._outstanding.items():
            if deadline_s is None:
                self._outstanding[response] = now_s + RESPONSE_TIMEOUT_S

    def has_untimed(self) -> bool:
        """Tell whether something was sent whose deadline has not begun."""
        return None in self._outstanding.values()

    @property
    def deadline_s(self) -> float | None:
        """When the first missing response means a dead link."""
        return min((each for each in self._outstanding.values() if each is not None), default=None)

    def overdue(self, now_s: float) -> FromButtonOp | None:
        """Return a response that is missing for too long."""
        for response, deadline_s in self._outstanding.items():
            if deadline_s is not None and deadline_s <= now_s:
                return response
        return None
