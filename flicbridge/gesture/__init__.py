"""Stage 2: what the fingers said. Pure: events in, gestures out, time passed in."""

from flicbridge.gesture.recogniser import Recogniser
from flicbridge.gesture.table import Gesture, GestureTable, Hold, Thresholds

__all__ = ["Gesture", "GestureTable", "Hold", "Recogniser", "Thresholds"]
