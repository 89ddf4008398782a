"""Stage 5: the ways out of the house. One file per way, found through `flicbridge.transports`."""

from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt, Transport

__all__ = ["ChannelOptions", "Context", "Message", "Receipt", "Transport"]
