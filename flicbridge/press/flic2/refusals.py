"""Why a pairing may fail: one clear sentence per reason. Pure."""

from typing import Final

from flicbridge.errors import PairingRefusedError
from flicbridge.press.flic2.reports import FailReason
from flicbridge.texts import N_

SENTENCES: Final = {
    "radio_off": N_("the Bluetooth radio does not work: {detail}"),
    "no_button": N_(
        "no Flic was seen in pairing mode: hold the button for about 7 seconds, until it flashes quickly,"
        " close to this computer"
    ),
    "not_public": N_(
        "a Flic was seen, but it is not in pairing mode: hold the button for about 7 seconds, until it"
        " flashes quickly"
    ),
    "several_public": N_(
        "{detail} buttons are in pairing mode at the same time: wait a minute until they stop flashing, then"
        " hold only the one that is meant"
    ),
    "already_ours": N_(
        "this button is paired with this bridge already, as {detail}: pair it again with `flicbridge pair"
        " {detail} --again`, or let go of it first with `flicbridge buttons forget {detail}`"
    ),
    "connected_elsewhere": N_(
        "the button is connected to another device: disconnect it there, or switch Bluetooth off there"
    ),
    "not_genuine": N_(
        "what answered is no genuine Flic, or not the one at this address ({detail}): do not use it"
    ),
    "no_slots": N_(
        "the button serves as many phones and computers as it can: disconnect it from one of them, or switch"
        " Bluetooth off there, and try again"
    ),
    "refused": N_("the button refuses to be paired ({detail})"),
    "partner_only": N_("the button belongs to a partner of Flic and obeys only that partner's app"),
    "flic1": N_(
        "a Flic of the first generation was seen, whose radio protocol is closed: it works with the vendor's"
        ' daemon, as family = "flicd"'
    ),
    "twist": N_("this is a Flic Twist, which cannot call for help: use a Flic 2 or a Flic Duo"),
    "out_of_range": N_(
        "the button is too far away: the last that was heard of it was {detail} dBm. Bring it within a metre"
        " or two and try again"
    ),
    "link_lost": N_("the link to the button broke while pairing ({detail}): bring it closer and try again"),
    "timeout": N_("the button did not answer in time ({detail}): bring it closer and try again"),
}
"""Untranslated; `detail` says more, and is not translated."""

_REASONS: Final = {
    FailReason.NOT_GENUINE: "not_genuine",
    FailReason.PACKET_SIGNATURE: "not_genuine",
    FailReason.QUICK_VERIFY_SIGNATURE: "not_genuine",
    FailReason.CREDENTIALS_REFUSED: "partner_only",
    FailReason.REFUSED: "refused",
    FailReason.NO_SLOTS: "no_slots",
    FailReason.NOT_PUBLIC: "not_public",
    FailReason.VERIFY_TIMEOUT: "timeout",
    FailReason.RESPONSE_TIMEOUT: "timeout",
}
FINAL: Final = {"not_genuine", "partner_only", "twist", "no_slots", "several_public"}
"""Trying again within the same minute would not help."""
DISTANCE: Final = {"timeout", "link_lost"}
"""What a weak signal explains."""


def reason_of(failed: FailReason) -> str:
    """The key in `SENTENCES` for how a session ended; by default its own name, if that is one."""
    reason = _REASONS.get(failed, failed.value)
    return reason if reason in SENTENCES else "link_lost"


def refused(reason: str, detail: str = "") -> PairingRefusedError:
    """Make the error of that reason, with its sentence."""
    return PairingRefusedError(reason, SENTENCES[reason].format(detail=detail), detail)
