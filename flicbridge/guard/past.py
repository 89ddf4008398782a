"""What earlier runs noted, and which of it is still true of this one. Pure.

What is only true of one run is not believed, nor what is about a part that this run does not have: nobody
would ever take it back. And a channel is what its settings make of it: led to another address, it has carried
nothing yet, and failed at nothing. So beside its facts a seal of its settings is kept, under a subject of its
own that nobody shows. A seal is salted, and so short that hundreds of telephone numbers fit it: it says that
something has changed, and not what it was.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final

from flicbridge.guard.board import is_fleeting
from flicbridge.observation import Observation
from flicbridge.transport.base import ChannelOptions

type Found = tuple[Observation, datetime]
"""What was noted, and when."""

SEAL: Final = "made_of"
"""The kind of subject that holds a seal, and the one fact that is known of it."""

SALT_BYTES: Final = 8
SEAL_DIGITS: Final = 5
"""One change in a million goes unnoticed; of all mobile numbers of France, some two hundred fit each seal."""

OF_REPLIES: Final = frozenset({"replies", "replies_error"})


@dataclass(frozen=True, slots=True)
class Present:
    """What there is in this run, as far as not every run has it.

    Attributes:
        channels: each with its settings.
        read: those of them whose replies are read.
        has_heartbeat: whether somebody outside is told that all is well.
    """

    channels: Mapping[str, ChannelOptions]
    read: Collection[str]
    has_heartbeat: bool

    @property
    def recipients(self) -> frozenset[str]:
        """Everybody who has a channel."""
        return frozenset(channel.rpartition("/")[0] for channel in self.channels)


@dataclass(frozen=True, slots=True)
class Past:
    """What is left of earlier runs.

    Attributes:
        true: what this run may believe.
        gone: subjects of which nothing is true any more, in the order in which they are to be erased: a
            channel that lost its seal before its facts would pass for one of a time before there were seals.
        seals: to be written once those are erased.
    """

    true: tuple[Found, ...]
    gone: tuple[str, ...]
    seals: tuple[Observation, ...]


def sift(found: Iterable[Found], present: Present) -> Past:
    """Tell what is still true from what is not.

    A channel without a seal is of a time before there were any, and keeps its facts.
    """
    found = tuple(found)
    seals = {o.subject.partition(":")[2]: str(o.value) for o, _ in found if o.fact == SEAL}
    differs = {
        channel
        for channel, options in present.channels.items()
        if channel in seals and not fits(seals[channel], options)
    }
    true = tuple(entry for entry in found if _is_true(entry[0], present, differs))
    lost = {o.subject for o, _ in found} - {o.subject for o, _ in true}
    return Past(
        true=true,
        gone=tuple(sorted((s for s in lost if _may_be_erased(s, present)), key=_is_seal)),
        seals=tuple(
            Observation(f"{SEAL}:{channel}", SEAL, seal_of(options))
            for channel, options in present.channels.items()
            if channel not in seals or channel in differs
        ),
    )


def _is_true(noted: Observation, present: Present, differs: Collection[str]) -> bool:
    kind, _, name = noted.subject.partition(":")
    if is_fleeting(noted.subject, noted.fact):
        return False
    match kind:
        case "channel":
            is_read = noted.fact not in OF_REPLIES or name in present.read
            return name in present.channels and name not in differs and is_read
        case "recipient":
            return name in present.recipients
        case "heartbeat":
            return present.has_heartbeat
    return kind != SEAL


def _may_be_erased(subject: str, present: Present) -> bool:
    """Not what is written anew; nor of buttons, which come back, and are paired beside a running bridge."""
    kind, _, name = subject.partition(":")
    return kind != "button" and not (kind == SEAL and name in present.channels)


def _is_seal(subject: str) -> bool:
    return subject.startswith(f"{SEAL}:")


def seal_of(options: ChannelOptions, salt: bytes | None = None) -> str:
    """The seal of a channel's settings, with a salt of its own: `salt:digest`, both hexadecimal."""
    salt = salt or token_bytes(SALT_BYTES)
    return f"{salt.hex()}:{blake2b(_said_by(options), key=salt).hexdigest()[:SEAL_DIGITS]}"


def fits(seal: str, options: ChannelOptions) -> bool:
    """Whether a seal was made of these settings."""
    try:
        salt = bytes.fromhex(seal.partition(":")[0])
        return bool(salt) and seal == seal_of(options, salt)
    except ValueError:  # nothing that we wrote
        return False


def _said_by(options: ChannelOptions) -> bytes:
    """Where messages go, and how: not how long is waited, nor what an upgrade adds and nobody chose."""
    chosen = options.model_dump(exclude=set(ChannelOptions.model_fields), exclude_defaults=True)
    said = {"transport": options.transport, "chosen": chosen}
    return json.dumps(said, sort_keys=True, skipkeys=True, default=_plain).encode()


def _plain(value: Any) -> str | list[str]:
    """What JSON does not know; a set comes in another order with every start."""
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
