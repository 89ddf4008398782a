"""A simulated Flic 2, sans-IO, faithful to the bytes: for rehearsals, demos and tests."""

from flicbridge.simulator.flic2.button import SimulatedFlic2
from flicbridge.simulator.flic2.faults import Faults, Flip, LoseLastFragment, LoseLink, Replay, Swallow
from flicbridge.simulator.flic2.memory import Identity, Memory

__all__ = [
    "Faults",
    "Flip",
    "Identity",
    "LoseLastFragment",
    "LoseLink",
    "Memory",
    "Replay",
    "SimulatedFlic2",
    "Swallow",
]
