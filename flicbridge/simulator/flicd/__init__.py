"""A stand-in for flicd on a real socket, with simulated Flic 1 buttons on it.

It writes and reads the protocol by itself, without the client's codec, so that a misreading of the
documentation shows in a test instead of cancelling out.
"""

from flicbridge.simulator.flicd.button import Flic1
from flicbridge.simulator.flicd.server import FakeFlicd

__all__ = ["FakeFlicd", "Flic1"]
