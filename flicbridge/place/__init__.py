"""Where the doctor is. Shows the last known `Position` at any moment, without waiting."""

from flicbridge.place.position import Position

__all__ = ["Position"]
