"""What a signal strength means to a person. Pure."""

from enum import StrEnum
from typing import Final

# A Bluetooth LE receiver must understand -70 dBm (Core Specification, vol. 6, part A, section 4.1); usual
# ones manage about -95. A body between button and bridge costs 10 to 20 dB, so what is below -75 while
# somebody holds the button up may be gone when it is in a pocket.
GOOD_DBM: Final = -75
DEAD_DBM: Final = -85


class Strength(StrEnum):
    """How well a button is heard."""

    GOOD = "good"
    WEAK = "weak"
    TOO_WEAK = "too_weak"


def strength(rssi_dbm: float) -> Strength:
    """Judge a signal."""
    if rssi_dbm >= GOOD_DBM:
        return Strength.GOOD
    return Strength.WEAK if rssi_dbm >= DEAD_DBM else Strength.TOO_WEAK
