"""One logical connection of a simulated Flic 2: its keys, its counters, and how far it has come."""

from dataclasses import dataclass, field
from enum import Enum, auto

from flicbridge.press.flic2.crypto import Direction, Seal
from flicbridge.press.flic2.wire.presses import NEVER_DISCONNECT_S
from flicbridge.simulator.flic2.duo import DuoTale
from flicbridge.simulator.flic2.memory import Host


class Phase(Enum):
    """How far a conversation has come."""

    VERIFYING = auto()
    """The button has shown its certificate and waits for the host's keys."""
    ESTABLISHED = auto()
    """Everything is signed."""
    READY = auto()
    """The host has asked for events."""


@dataclass(slots=True)
class Conversation:
    """One application on the host's side; several may share a radio link.

    Attributes:
        conn_id: 1..31.
        tmp_id: of the request that began it.
        random: 8 bytes the button has put into the keys.
        host: the pairing, once established.
        inbox, outbox: the signed packets of either direction, once established.
        auto_disconnect_s: silence after which the button ends it; 0 and 511 mean never (0 is not
            documented, the vendor's Python library means "never" by it).
        quiet_since_s: the last event, or the init request.
        ping_due_s: when an answer to a ping is overdue, if one is expected.
        timer: when to send which message back, if the host has set its timer.
        knows_duos: the host said so; a Duo speaks of its small key to no other.
        tale: how events are told to a host that has asked a Duo for those of both its keys.
    """

    conn_id: int
    tmp_id: bytes
    random: bytes
    phase: Phase = Phase.VERIFYING
    host: Host | None = None
    inbox: Seal | None = field(default=None, repr=False)
    outbox: Seal | None = field(default=None, repr=False)
    auto_disconnect_s: int = NEVER_DISCONNECT_S
    quiet_since_s: float = 0.0
    ping_due_s: float | None = None
    timer: tuple[float, int] | None = None
    knows_duos: bool = False
    tale: DuoTale | None = None

    def establish(self, host: Host, session_key: bytes) -> None:
        """Sign from now on."""
        self.host, self.phase = host, Phase.ESTABLISHED
        self.inbox = Seal(session_key, Direction.TO_BUTTON)
        self.outbox = Seal(session_key, Direction.TO_HOST)

    @property
    def auto_disconnect_due_s(self) -> float | None:
        """When the silence will have lasted too long."""
        if self.phase is not Phase.READY or self.auto_disconnect_s in (0, NEVER_DISCONNECT_S):
            return None
        return self.quiet_since_s + self.auto_disconnect_s

    @property
    def deadline_s(self) -> float | None:
        """When anything is due."""
        timer_s = None if self.timer is None else self.timer[0]
        due = (self.ping_due_s, self.auto_disconnect_due_s, timer_s)
        return min((each for each in due if each is not None), default=None)
