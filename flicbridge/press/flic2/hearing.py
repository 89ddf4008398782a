"""What one session says, in the words of the bridge. Pure."""

from typing import Final

from flicbridge.press.event import ButtonEvent, Counter, EventKind
from flicbridge.press.flic2.events import ItemKind
from flicbridge.press.flic2.reports import Item, PressGap, QueueDone, Ready, SessionEvent
from flicbridge.press.source import Heard, LinkUp, PressesLost

KINDS: Final = {
    ItemKind.DOWN: EventKind.DOWN,
    ItemKind.UP: EventKind.UP,
    ItemKind.HOLD: EventKind.STILL,
    ItemKind.TIMEOUT: EventKind.STILL,
}


class Hearing:
    """Translates the events of one session."""

    def __init__(self, button: str, serial: str) -> None:
        self._button = button
        self._serial = serial
        self._counter = Counter(0, 0)
        self._queue_follows = False

    def translate(self, event: SessionEvent, arrived_s: float) -> Heard | None:
        """Return what the bridge is to hear of it; None for what concerns the link only."""
        match event:
            case Ready():
                self._counter = event.counter
                self._queue_follows = event.queue_follows
                return LinkUp(self._button, event.boot_id, event.clock_s, arrived_s)
            case Item():
                self._counter = event.counter
                kind = KINDS[event.kind]
                return self._event(kind, event.at_s, event.was_queued, event.age_s, arrived_s, event.key)
            case QueueDone(clock_s) if self._queue_follows:
                # Nothing else happened up to then, which may be what decides the last gesture of the queue.
                return self._event(EventKind.STILL, clock_s, False, 0.0, arrived_s)
            case PressGap(presses):
                return PressesLost(self._button, presses)
        return None

    def _event(
        self, kind: EventKind, at_s: float, was_queued: bool, age_s: float, arrived_s: float, key: int = 0
    ) -> ButtonEvent:
        return ButtonEvent(
            self._button, self._serial, kind, at_s, self._counter, was_queued, age_s, arrived_s, key
        )
