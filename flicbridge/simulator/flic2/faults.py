"""What can be made to go wrong with a simulated Flic 2: switches that stay, and mishaps that happen once."""

from dataclasses import dataclass, field

from flicbridge.press.flic2.wire import FromButtonOp


@dataclass(frozen=True, slots=True)
class Flip:
    """Bits of a packet change on the way, after it was signed.

    Attributes:
        at: which byte, 0 being the opcode and -1 the last byte of the MAC.
        bits: which bits of it.
    """

    at: int = -1
    bits: int = 0x01


@dataclass(frozen=True, slots=True)
class Replay:
    """The frames of a packet arrive twice."""


@dataclass(frozen=True, slots=True)
class LoseLastFragment:
    """The last frame of a packet does not arrive."""


@dataclass(frozen=True, slots=True)
class Swallow:
    """A packet does not arrive at all."""


@dataclass(frozen=True, slots=True)
class LoseLink:
    """A packet arrives, and then the radio link drops."""


type Mishap = Flip | Replay | LoseLastFragment | Swallow | LoseLink


@dataclass(slots=True)
class Faults:
    """The test switches of one button. All off: a button as it should be.

    Attributes:
        is_silent: it takes everything and says nothing.
        denies_quick_verify: "unknown pairing" to every reconnect, though the test if that is so says
            otherwise. Without it, a factory reset gives the authenticated answer "really gone".
        has_no_slots: it serves too many hosts already.
        certificate_address: its certificate names another device.
        repeats_boot_id: it sends its boot id even if the host knows it.
        hides_second_press: it sends 1 and not 5 for the second press of a possible double click; that may
            well be what genuine ones do.
        never_leaves: it takes no notice of SetAutoDisconnectTimeInd.
        leaves_queue_open: no item is marked as the last one of the queue.
        marks_empty_queue: a Duo marks the end of the queue even if there is none, as the vendor's Python
            library expects it; the Android one does not.
        surplus_bytes: newer firmware: so many zeros more at the end of responses of fixed length.
        items_per_notification: 1 to 16.
        once: what happens to the next packet of an opcode.
    """

    is_silent: bool = False
    denies_quick_verify: bool = False
    has_no_slots: bool = False
    certificate_address: str | None = None
    repeats_boot_id: bool = False
    hides_second_press: bool = False
    never_leaves: bool = False
    leaves_queue_open: bool = False
    marks_empty_queue: bool = False
    surplus_bytes: int = 0
    items_per_notification: int = 16
    once: dict[FromButtonOp, Mishap] = field(default_factory=dict)
