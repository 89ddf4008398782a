"""What the advertisement of a Flic says. Pure, and not authenticated: anybody can say it."""

import re
from typing import Final

from flicbridge.press.flic2.exchange import SERVICE_UUID
from flicbridge.press.sighting import Sighting

COMPANY: Final = 0x030F
# What clients of the first generation filter advertisements by. Its protocol is closed.
FLIC1_UUID: Final = "f02adfc0-26e7-11e4-9edc-0002a5d5c51b"
# The dial of the same vendor: another service, another root key, other packets. Source: pyflic-ble 0.2.5.
TWIST_UUID: Final = "00c90000-2cbd-4f2a-a725-5ccd960ffb7d"
# Product letter, a digit, two digits of firmware, four characters of its address; all that a Twist says of
# itself while it is not in pairing mode. Source: fact sheet section 2.
_TWIST_NAME: Final = re.compile(r"T\d{3}[A-Za-z0-9_-]{4}")
_FLAGS_AT: Final = 4
_CONNECTED_ELSEWHERE: Final = 0x02


def is_public(sighting: Sighting) -> bool:
    """It says that it can be paired now. BlueZ remembers that longer than it is true."""
    return SERVICE_UUID in sighting.service_uuids


def is_flic(sighting: Sighting) -> bool:
    """It is a button of the vendor, and not of the first generation."""
    is_other = is_flic1(sighting) or is_twist(sighting)
    return is_public(sighting) or (COMPANY in sighting.manufacturer_data and not is_other)


def is_flic1(sighting: Sighting) -> bool:
    """It is a Flic of the first generation."""
    return FLIC1_UUID in sighting.service_uuids


def is_twist(sighting: Sighting) -> bool:
    """It is a Flic Twist, a dial that does not speak our protocol."""
    is_named_so = _TWIST_NAME.fullmatch(sighting.device.name or "") and COMPANY in sighting.manufacturer_data
    return not is_public(sighting) and (TWIST_UUID in sighting.service_uuids or bool(is_named_so))


def is_twist_public(sighting: Sighting) -> bool:
    """It is a Twist in pairing mode: somebody holds it here."""
    return is_twist(sighting) and TWIST_UUID in sighting.service_uuids


def is_connected_elsewhere(sighting: Sighting) -> bool:
    """Source: fact sheet section 2, manufacturer specific data."""
    about = sighting.manufacturer_data.get(COMPANY, b"")
    return len(about) > _FLAGS_AT and bool(about[_FLAGS_AT] & _CONNECTED_ELSEWHERE)
