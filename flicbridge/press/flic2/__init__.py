"""The Flic 2 family of stage 1. `wire`, `crypto` and `session` are sans-IO; `link` drives them over bleak."""

from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.session import Pair, Reconnect, Session

__all__ = ["Pair", "Pairing", "Reconnect", "Session"]
