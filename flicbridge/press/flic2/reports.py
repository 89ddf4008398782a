"""What a session says to whoever drives it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flicbridge.errors import ButtonError
from flicbridge.press.event import Counter
from flicbridge.press.flic2.events import ItemKind
from flicbridge.press.flic2.pairing import Pairing


class FailReason(StrEnum):
    """Why a session ended. None of them is a reason to forget a pairing."""

    VERIFY_TIMEOUT = "verify_timeout"
    CREDENTIALS_REFUSED = "credentials_refused"
    """The button belongs to a partner of the vendor and only obeys that partner's app."""
    NOT_GENUINE = "not_genuine"
    """Subcode 0 wrong address, 1 wrong certificate, 2 the button rejects our proof, 3 it has none itself."""
    QUICK_VERIFY_SIGNATURE = "quick_verify_signature"
    PACKET_SIGNATURE = "packet_signature"
    NO_SLOTS = "no_slots"
    """The button serves as many hosts as it can: try again later."""
    REFUSED = "refused"
    """Subcode: the button's reason, one that nobody has described."""
    NOT_PUBLIC = "not_public"
    """The button must be held for about 7 seconds before it can be paired."""

    # Without a counterpart in the vendor's hosts: code 0.
    PAIRING_EXISTS = "pairing_exists"
    """Somebody said that the button has forgotten us, and the button proved that it has not."""
    PAIR_AGAIN = "pair_again"
    """Once in 2^32 pairings the identifier is 0, which means "none"."""
    TWIST = "twist"
    """A Flic Twist, by its serial number: a dial, and no button."""
    MALFORMED = "malformed"
    RESPONSE_TIMEOUT = "response_timeout"
    DISCONNECTED = "disconnected"
    """The button ended the session. Subcode 0 ping unanswered, 1 our signature, 2 replaced, 3 on request."""


# Source: section 9.7.
_VENDOR_CODES: Final = {
    FailReason.VERIFY_TIMEOUT: 7,
    FailReason.CREDENTIALS_REFUSED: 10,
    FailReason.NOT_GENUINE: 12,
    FailReason.QUICK_VERIFY_SIGNATURE: 13,
    FailReason.PACKET_SIGNATURE: 14,
    FailReason.NO_SLOTS: 15,
    FailReason.REFUSED: 18,
    FailReason.NOT_PUBLIC: 50,
}


@dataclass(frozen=True, slots=True)
class Paired:
    """The button accepted us: keep this before anything else. The session goes on.

    Attributes:
        pairing: what to keep.
        firmware: version.
        battery_mv: as measured by the button.
    """

    pairing: Pairing
    firmware: int
    battery_mv: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The button is connected and proven; presses follow.

    Attributes:
        boot_id: its present boot.
        event_count: the last event that counts as processed: what was resumed from, 0 after a restart. To be
            moved on by items only.
        clock_s: its clock when it answered, in seconds since its boot.
        restarted: it had another boot id when we last met: new battery, new firmware or a reset.
        queue_follows: presses from before this session follow.
        rewound: what was resumed from lay in the button's future, so it was wrong; `event_count` is the
            button's own now.
        small_count: as `event_count`, of the small button of a Duo.
        keys: how many buttons it has that this session hears: 2 for a Duo, otherwise 1.
    """

    boot_id: int
    event_count: int
    clock_s: float
    restarted: bool
    queue_follows: bool
    rewound: bool = False
    small_count: int = 0
    keys: int = 1

    @property
    def counter(self) -> Counter:
        """The last event that counts as processed."""
        return Counter(self.boot_id, self.event_count, self.small_count)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing the button did, authentic and in order.

    Attributes:
        kind: what.
        at_s: when, on the button's clock.
        counter: its identity within the button's life.
        was_queued: it happened before this session.
        age_s: how long before now; 0 for a live one.
        encoded: the button's 4-bit code, which says more about clicks than `kind`.
        key: which button of a Duo: 0 big, 1 small; 0 for a Flic 2.
    """

    kind: ItemKind
    at_s: float
    counter: Counter
    was_queued: bool
    age_s: float
    encoded: int
    key: int = 0


@dataclass(frozen=True, slots=True)
class QueueDone:
    """Everything from before this session has been said. Comes once in every session that gets Ready.

    Attributes:
        clock_s: up to then, on its own clock, the button has reported everything it did.
    """

    clock_s: float


@dataclass(frozen=True, slots=True)
class PressGap:
    """Whole presses are missing: the button dropped them before they reached us.

    Attributes:
        presses: how many, at least 1.
        counter: the button's count after the last of them.
    """

    presses: int
    counter: Counter


@dataclass(frozen=True, slots=True)
class BatteryRead:
    mv: int


@dataclass(frozen=True, slots=True)
class FirmwareRead:
    version: int


@dataclass(frozen=True, slots=True)
class NameRead:
    name: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over; drop the link, keep the pairing.

    Attributes:
        reason: for code to branch on.
        code: the vendor's number for it, 0 if there is none. Source: section 9.7.
        subcode: see the reason.
        detail: for the log.
    """

    reason: FailReason
    code: int
    subcode: int
    detail: str


@dataclass(frozen=True, slots=True)
class PairingGone:
    """The button proved that it has forgotten us. The session is over; a person must pair it again."""


type SessionEvent = (
    Paired
    | Ready
    | Item
    | QueueDone
    | PressGap
    | BatteryRead
    | FirmwareRead
    | NameRead
    | Failed
    | PairingGone
)


class SessionFailedError(ButtonError):
    """How the parts of a session say that it must end. Never leaves the session.

    Attributes:
        failed: what the session says as its last word.
    """

    def __init__(self, reason: FailReason, detail: str, subcode: int = 0) -> None:
        self.failed = Failed(reason, _VENDOR_CODES.get(reason, 0), subcode, detail)
        super().__init__(detail)
