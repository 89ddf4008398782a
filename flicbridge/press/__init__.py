"""Stage 1: what the buttons said. Every family turns its protocol into `ButtonEvent`s."""

from flicbridge.press.event import ButtonEvent, Counter, EventKind

__all__ = ["ButtonEvent", "Counter", "EventKind"]
