"""Attackers at the radio: who pretends to be a button, meddles with its link, floods the air, or babbles.

They know everything that is public: addresses, certificates, the protocol, and whatever was ever on the air.
What they do not have is a key.
"""

from flicbridge.simulator.attack.babble import Babbler, foreign_garbage, garbage
from flicbridge.simulator.attack.flood import Flood
from flicbridge.simulator.attack.impostor import Impostor, Lie, impersonate
from flicbridge.simulator.attack.meddling import Meddler, Recorder, Replayer

__all__ = [
    "Babbler",
    "Flood",
    "Impostor",
    "Lie",
    "Meddler",
    "Recorder",
    "Replayer",
    "foreign_garbage",
    "garbage",
    "impersonate",
]
