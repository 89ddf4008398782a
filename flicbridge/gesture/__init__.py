"""Stage 2: what the fingers said. Pure: events in, gestures out, time passed in."""

from flicbridge.gesture.gesture import Gesture
from flicbridge.gesture.hands import Hands
from flicbridge.gesture.recogniser import Recogniser
from flicbridge.gesture.script import finger_script
from flicbridge.gesture.table import GestureTable, Hold, Thresholds
from flicbridge.gesture.timeline import EarliestArrival

__all__ = [
    "EarliestArrival",
    "Gesture",
    "GestureTable",
    "Hands",
    "Hold",
    "Recogniser",
    "Thresholds",
    "finger_script",
]
