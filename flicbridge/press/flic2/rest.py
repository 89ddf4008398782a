"""When a button that need not stay connected is let go: `link = "on_press"`.

Two may end such a link, and neither should alone. The button's own auto-disconnect counts from its last
press, whether or not anybody has written that press down: a bridge that is stuck then loses the only one that
still knows it. And if the host simply hangs up, a press made at that very moment meets a link that is going
down, and is kept by a button that then stays silent. So the host says *that* the button may go, once all it
said is settled, by telling it a time to disconnect after; and the button decides *when*: a press starts its
own time anew, and is heard on the link that is still there. Then the permission is taken back until that
press is settled, too.

A button that does not go then is told to hang up at once and to be silent. Its advertising stays "active" as
always, for that is about *lost* links: only one that was ended in good order, with nothing left to say, may
end in silence. The passive setting would keep a button silent, too, whose link broke off halfway through
waking up, with the press that woke it still inside.

Sources: fact sheet sections 9.1 and 9.6; that a button which disconnected by itself connects again when it is
pressed, and delivers what it kept, is in the documentation of the vendor's Linux daemon.
"""

import math
from typing import Final

from flicbridge.press.event import Counter
from flicbridge.press.flic2.events import ItemKind
from flicbridge.press.flic2.reports import Item
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.presses import NEVER_DISCONNECT_S
from flicbridge.press.flic2.wire.services import SetAutoDisconnectTimeInd
from flicbridge.press.flic2.wire.verify import ForceBtDisconnectInd

PATIENCE_S: Final = 5.0
"""A button that may go and has not gone so long after its time has no mind to: the link is ended for it."""

RETURNS: Final = 3
"""A button that was let go and so often in a row came back without a press is not let go any more."""

_STAY: Final = SetAutoDisconnectTimeInd(NEVER_DISCONNECT_S)
_GOODBYE: Final = ForceBtDisconnectInd(restart_adv=False)
_OPENING: Final = {ItemKind.DOWN, ItemKind.HOLD}


class Rest:
    """Decides about one link after another. Sans-IO; all times are monotonic.

    Args:
        idle_s: how long everything has been quiet and settled before the button may go; up to 510 s.

    Attributes:
        is_restless: it does not sleep when it may but calls at once, which costs its battery more than to
            stay connected. So it stays, until the bridge starts anew.
    """

    def __init__(self, idle_s: float) -> None:
        self.is_restless = False
        self._go = SetAutoDisconnectTimeInd(math.ceil(idle_s))
        self._was_let_go = False
        self._returns = 0
        self._is_allowed = False
        self._is_touched = False
        self._idle_s = idle_s
        self._quiet_since_s = math.inf
        self._allowed_s = math.inf
        self._open_keys: set[int] = set()
        self._heard: Counter | None = None
        self._settled: Counter | None = None

    def begin(self) -> None:
        """There is a new link; what the button has kept is still to come."""
        self._was_let_go = self.is_resting
        self._is_allowed = self._is_touched = False
        self._quiet_since_s = self._allowed_s = math.inf
        self._open_keys.clear()
        self._heard = None

    def catch_up(self, now_s: float) -> None:
        """The button has said all that it had kept."""
        is_called_for = self._heard is not None or not self._was_let_go
        self._returns = 0 if is_called_for else self._returns + 1
        self.is_restless |= self._returns >= RETURNS
        self._quiet_since_s = now_s

    def hear(self, item: Item, now_s: float) -> None:
        """The button was touched."""
        self._heard, self._is_touched = item.counter, True
        if item.kind in _OPENING:
            self._open_keys.add(item.key)
        elif item.kind is ItemKind.UP:
            self._open_keys.discard(item.key)
        if math.isfinite(self._quiet_since_s):
            self._quiet_since_s = now_s

    def settle(self, counter: Counter, now_s: float) -> None:
        """Everything up to `counter` is written down."""
        self._settled = counter
        if math.isfinite(self._quiet_since_s):
            self._quiet_since_s = now_s

    @property
    def is_resting(self) -> bool:
        """Whether the button may go and has said nothing since, so that a link that ends now was not lost."""
        return self._is_allowed and not self._is_touched

    @property
    def due_s(self) -> float:
        """When to call `pass_time`; it may have passed already."""
        if self._is_allowed:
            return -math.inf if self._is_touched else self._allowed_s + self._idle_s + PATIENCE_S
        return math.inf if self.is_restless or not self._is_settled else self._quiet_since_s + self._idle_s

    def pass_time(self, now_s: float) -> Packet | None:
        """Return what is to be said to the button now, if anything."""
        if now_s < self.due_s:
            return None
        if not self._is_allowed:
            self._is_allowed, self._allowed_s, self._is_touched = True, now_s, False
            return self._go
        if self._is_touched:
            self._is_allowed = False
            return _STAY
        self._allowed_s = math.inf  # once is enough: a button that will not go may as well stay
        return _GOODBYE

    @property
    def _is_settled(self) -> bool:
        """Nobody touches the button, and nothing it said in this link is still to be written down."""
        if self._open_keys:
            return False
        return self._heard is None or (self._settled is not None and self._heard.at_or_before(self._settled))
