"""The host side of one BLE connection to a Flic 2: frames in, events out, frames to send.

Sans-IO. Whoever drives a session feeds what is notified to `receive`, calls `pass_time` when `deadline_s`
is reached and `acknowledge` when what was said is safe, and after each of them writes what `take_frames`
returns. One session serves one connection; after a lost link there is a new one.

::

    Pair       FullVerify ------------------.
    Reconnect  QuickVerify -----------------+--> Conversation --> Failed (or the link is lost)
                   |  denied                |
                   '--> UnpairedTest --> PairingGone, or Failed: the pairing exists

Nothing that does not verify is ever believed, and nothing that arrives can raise: what is wrong becomes a
`Failed`, the last word of its session.

A Flic Duo speaks of both its buttons only to a host that says that it knows Duos; to others it is a Flic 2
with its big button only. So we say it to every button that we pair with, as the vendor's apps do, and later
to those that turned out to be Duos. A Flic 2 takes no notice.
"""

import os
import re
from dataclasses import dataclass
from typing import Final, assert_never

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import conversation
from flicbridge.press.flic2.conversation import ADVERTISING, Conversation, Question
from flicbridge.press.flic2.handshake import (
    Established,
    FullVerify,
    Gone,
    Handshake,
    Ignored,
    Instead,
    Peer,
    Progress,
    QuickVerify,
    Random,
    Send,
    Trust,
)
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import (
    Failed,
    FailReason,
    PairingGone,
    SessionEvent,
    SessionFailedError,
)
from flicbridge.press.flic2.requests import RESPONSE_TIMEOUT_S, Requests
from flicbridge.press.flic2.wire import framing, services, verify
from flicbridge.press.flic2.wire.packet import MalformedPacketError, Packet

VERIFY_TIMEOUT_S: Final = 31.0
"""From the first request to the proof, as in the vendor's hosts. Source: section 9.7."""

_ATT_HEADER_BYTES: Final = 3
_BLUETOOTH_ADDRESS: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_ROOT_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Pair:
    """The wish to pair anew with a button in public mode."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The wish to hear a button we are paired with.

    Attributes:
        pairing: with whom.
        resume: the last event that was processed; None if none ever was.
    """

    pairing: Pairing
    resume: Counter | None


class Session:
    """See the module's docstring.

    Attributes:
        unexpected: how many packets came that were not for us, not now, or not understood.
    """

    def __init__(
        self,
        wish: Pair | Reconnect,
        *,
        address: str,
        address_type: int | None,
        root_key: bytes,
        max_frame: int,
        now_s: float,
        random: Random = os.urandom,
        offer_duo: bool | None = None,
        advertising: services.SetAdvParametersRequest = ADVERTISING,
    ) -> None:
        """Begin at once: the first frames are ready to be taken.

        Args:
            wish: what this connection is for.
            address: of the connected peer; anything but `80:E4:DA:70:00:01` means that the platform hides it.
            address_type: 0 public, 1 static random, None if the platform does not say.
            root_key: the Ed25519 public key that vouches for genuine buttons, 32 bytes.
            max_frame: bytes per write, MTU - 3, at least 20.
            now_s: monotonic.
            random: bytes nobody can guess.
            offer_duo: whether to say that we know Duos; None: see the module's docstring.
            advertising: how the button is to call after a lost link.

        Raises:
            ValueError: `root_key` or `max_frame` cannot be.
        """
        if len(root_key) != _ROOT_KEY_BYTES:
            raise ValueError(f"a root key is {_ROOT_KEY_BYTES} bytes, not {len(root_key)}")
        mtu = min(max_frame + _ATT_HEADER_BYTES, framing.MAX_MTU)
        if mtu < framing.MIN_MTU:
            raise ValueError(f"no Bluetooth link has frames of only {max_frame} bytes")
        self._mtu = mtu
        self._now_s = now_s
        self._resume = wish.resume if isinstance(wish, Reconnect) else None
        self._advertising = advertising
        self._requests = Requests()
        self._reassembler = framing.Reassembler()
        self._frames: list[bytes] = []
        self._over = False
        self._ignored = 0
        self._verify_deadline_s = now_s + VERIFY_TIMEOUT_S
        self._fragment_deadline_s: float | None = None
        self._conversation: Conversation | None = None
        peer = Peer(address.upper() if _BLUETOOTH_ADDRESS.fullmatch(address) else None, address_type)
        self._handshake = _handshake(wish, peer, root_key, offer_duo, random)
        self._send(self._handshake.start().encode())

    @property
    def unexpected(self) -> int:
        return self._ignored + (0 if self._conversation is None else self._conversation.unexpected)

    @property
    def deadline_s(self) -> float | None:
        """When to call `pass_time`, on the monotonic clock; it may have passed already. None: never."""
        if self._over:
            return None
        if self._conversation is None:
            return self._verify_deadline_s
        # What was asked without telling us the time has no deadline yet: have us called at once.
        untimed_s = self._now_s if self._requests.has_untimed() else None
        candidates = (untimed_s, self._conversation.deadline_s, self._fragment_deadline_s)
        return min((each for each in candidates if each is not None), default=None)

    def receive(self, frame: bytes, now_s: float) -> list[SessionEvent]:
        """Take one notified value, whatever it is. Never raises."""
        if self._over:
            return []
        self._now_s = now_s
        try:
            return self._conclude(self._receive(bytes(frame), now_s))
        except SessionFailedError as failure:
            return self._conclude([failure.failed])
        except MalformedPacketError as error:
            return self._conclude([SessionFailedError(FailReason.MALFORMED, str(error)).failed])

    def pass_time(self, now_s: float) -> list[SessionEvent]:
        """Look at the clock. Never raises."""
        if self._over:
            return []
        self._now_s = now_s
        try:
            return self._conclude(self._pass_time(now_s))
        except SessionFailedError as failure:
            return self._conclude([failure.failed])

    def take_frames(self) -> list[bytes]:
        """Return what is to be written now, in this order; each is returned once."""
        if self._conversation is not None and not self._over:
            for packet in self._conversation.take_packets():
                self._send(packet)
        frames, self._frames = self._frames, []
        return frames

    def acknowledge(self, counter: Counter, now_s: float) -> None:
        """Note that everything up to `counter` is committed, and tell the button if it waits for that.

        It waits when a notification that completed a click sequence is committed up to its last item.
        """
        self._now_s = now_s
        if self._conversation is not None and not self._over:
            self._conversation.acknowledge(counter)

    def ask(self, question: Question) -> None:
        """Ask the button something; the answer comes as an event.

        It waits for the end of the queue, and for a place among the two requests that may be outstanding. The
        same question asked again before its answer is the same question.
        """
        conversation.ask(self._requests, question)

    def tell(self, packet: Packet) -> None:
        """Say something to the button that has no answer. Before the two know each other it is lost."""
        if self._conversation is not None and not self._over:
            self._conversation.tell(packet)

    def close(self, now_s: float) -> None:
        """End the session from our side: the frames left to take say good-bye, nothing is said any more."""
        if self._over:
            return
        self._now_s = now_s
        self._frames.clear()
        if self._conversation is not None:
            for packet in self._conversation.farewell():
                self._send(packet)
        elif isinstance(self._handshake, FullVerify) and self._handshake.conn_id:
            self._send(verify.FullVerifyAbortInd().encode())
        self._over = True

    def _receive(self, value: bytes, now_s: float) -> list[SessionEvent]:
        frame = framing.parse_frame(value)
        if frame is None or not self._is_for_us(frame):
            self._ignored += 1
            return []
        if self._conversation is None:
            return self._shake_hands(frame, now_s)
        packet = self._reassembler.add(frame)
        self._watch_fragments(now_s)
        return [] if packet is None else self._conversation.receive(packet, now_s)

    def _is_for_us(self, frame: framing.Frame) -> bool:
        """Sort out what belongs to other hosts on the same link. Source: section 4, "host filter"."""
        own = self._handshake.conn_id
        if frame.newly_assigned:
            return own == 0
        if self._conversation is not None:
            # Unsigned answers to other hosts come with conn_id 0; nothing that is meant for us does any more.
            return frame.conn_id == own
        return frame.conn_id in (0, own)

    def _watch_fragments(self, now_s: float) -> None:
        """A packet that never ends is a press that never arrives: do not wait for ever."""
        if not self._reassembler.is_unfinished(self._handshake.conn_id):
            self._fragment_deadline_s = None
        elif self._fragment_deadline_s is None:
            self._fragment_deadline_s = now_s + RESPONSE_TIMEOUT_S

    def _shake_hands(self, frame: framing.Frame, now_s: float) -> list[SessionEvent]:
        try:
            packet = self._reassembler.add(frame)
        except MalformedPacketError:  # nobody's yet, so nobody's fault: drop it, as the vendor's hosts do
            self._ignored += 1
            return []
        if packet is None:
            return []
        return self._follow(self._handshake.receive(packet, frame.conn_id), now_s)

    def _follow(self, progress: Progress, now_s: float) -> list[SessionEvent]:
        match progress:
            case Send(packet):
                self._send(packet.encode())
            case Instead(handshake):
                self._handshake = handshake
                self._send(handshake.start().encode())
            case Established() as established:
                self._conversation = Conversation(
                    established, self._resume, self._requests, self._advertising, now_s
                )
                return [] if established.paired is None else [established.paired]
            case Gone():
                return [PairingGone()]
            case Ignored():
                self._ignored += 1
            case unreachable:
                assert_never(unreachable)
        return []

    def _pass_time(self, now_s: float) -> list[SessionEvent]:
        if self._conversation is None:
            if now_s >= self._verify_deadline_s:
                raise SessionFailedError(
                    FailReason.VERIFY_TIMEOUT, f"no proof within {VERIFY_TIMEOUT_S:.0f} s"
                )
            return []
        if self._fragment_deadline_s is not None and now_s >= self._fragment_deadline_s:
            raise SessionFailedError(FailReason.RESPONSE_TIMEOUT, "the end of a packet is missing")
        return self._conversation.pass_time(now_s)

    def _send(self, packet: bytes) -> None:
        self._frames += framing.split(packet, self._handshake.conn_id, False, self._mtu)

    def _conclude(self, said: list[SessionEvent]) -> list[SessionEvent]:
        """After a last word there is none."""
        if any(isinstance(each, Failed | PairingGone) for each in said):
            self._over = True
            self._frames.clear()
        return said


def _handshake(
    wish: Pair | Reconnect, peer: Peer, root_key: bytes, offer_duo: bool | None, random: Random
) -> Handshake:
    match wish:
        case Pair():
            flags = 0 if offer_duo is False else verify.FULL_VERIFY_DUO_FLAG
            return FullVerify(Trust(root_key, (peer,)), flags, random)
        case Reconnect(pairing):
            # The platform may hide the peer's address, but then the one in the pairing still holds.
            trust = Trust(root_key, (peer, Peer(pairing.address, pairing.address_type)))
            offer = pairing.is_duo if offer_duo is None else offer_duo
            flags = verify.QUICK_VERIFY_DUO_FLAG if offer else 0
            return QuickVerify(pairing, trust, flags, random)
