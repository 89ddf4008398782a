"""The simplest host of a Flic 2: codecs, keys, and nothing clever. To talk to a simulated button directly.

It is patient, keeps no state beyond one link, and shows every packet as it is: what tests want, and what a
bridge must not be.
"""

from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.crypto import Direction, Seal
from flicbridge.press.flic2.wire import Packet, decode_from_button
from flicbridge.press.flic2.wire.framing import Reassembler, parse_frame, split
from flicbridge.press.flic2.wire.presses import InitButtonEventsLightRequest, QueueLimits
from flicbridge.press.flic2.wire.verify import (
    FullVerifyRequest1,
    FullVerifyRequest2,
    FullVerifyResponse1,
    QuickVerifyRequest,
    QuickVerifyResponse,
    TestIfReallyUnpairedRequest,
)
from flicbridge.simulator.flic2.button import SimulatedFlic2
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC

PRIVATE_KEY = b"\x11" * 32
FULL_RANDOM = b"\x22" * 8
QUICK_RANDOM = b"\x33" * 7
PUBLIC_KEY = crypto.x25519_public(PRIVATE_KEY)


class NotTheButtonError(Exception):
    """What was heard does not come from the button: wrong MAC, wrong certificate, or not even a packet."""


class PlainHost:
    """One application on the other side of a button's link.

    Attributes:
        button: the other side.
        now_s: the time that is passed to the button; move it at will.
        material: identifier and key of the pairing, once there is one.
        conn_id: the logical connection the button gave us; 0 = none.
        overheard: frames that were for other hosts on the same link.
    """

    def __init__(self, button: SimulatedFlic2, *, tmp_id: bytes = b"host", mtu: int = 140) -> None:
        self.button = button
        self.now_s = 0.0
        self.material = b""
        self.conn_id = 0
        self.overheard: list[bytes] = []
        self._tmp_id = tmp_id
        self._mtu = mtu
        self._inbox: Seal | None = None
        self._outbox: Seal | None = None
        self._reassembler = Reassembler()

    # -- packets -------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Make the radio link."""
        self.button.link_up(self.now_s)
        self.button.set_mtu(self._mtu)

    def send(self, packet: Packet) -> None:
        """Send one packet, signed once there are keys."""
        whole = packet.encode()
        if self._outbox:
            whole = self._outbox.seal(whole)
        for frame in split(whole, self.conn_id, False, self._mtu):
            self.button.receive(frame, self.now_s)

    def hear(self) -> list[Packet]:
        """Take everything the button has to say to us.

        Raises:
            NotTheButtonError: a MAC is wrong.
        """
        return self.sort_out(self.button.take_frames())

    def sort_out(self, frames: list[bytes]) -> list[Packet]:
        """Take what is for us out of frames that may be for several hosts."""
        packets = (self._take(frame) for frame in frames)
        return [packet for packet in packets if packet is not None]

    def ask(self, packet: Packet) -> Packet:
        """Send a packet and return the answer, which must be the only thing the button has to say."""
        self.send(packet)
        (answer,) = self.hear()
        return answer

    def _take(self, value: bytes) -> Packet | None:
        frame = parse_frame(value)
        if frame is None:
            raise NotTheButtonError(f"frame {value.hex()}")
        if frame.conn_id not in (0, self.conn_id) and not frame.newly_assigned:
            self.overheard.append(value)
            return None
        whole = self._reassembler.add(frame)
        if whole is None:
            return None
        if frame.newly_assigned:
            self.conn_id = frame.conn_id
            return decode_from_button(whole)
        return decode_from_button(self._open(whole))

    def _open(self, whole: bytes) -> bytes:
        if self._inbox is None:
            return whole
        packet = self._inbox.open(whole)
        if packet is None:
            raise NotTheButtonError(f"wrong MAC on {whole.hex()}")
        return packet

    def _sign(self, session_key: bytes) -> None:
        self._inbox = Seal(session_key, Direction.TO_HOST)
        self._outbox = Seal(session_key, Direction.TO_BUTTON)

    # -- who are you? --------------------------------------------------------------------------------------

    def pair(self) -> Packet:
        """Pair, and return the button's last word about it."""
        certificate = self._fetch_certificate()
        if not isinstance(certificate, FullVerifyResponse1):
            return certificate
        keys = crypto.full_verify_keys(self._secret(certificate))
        self.send(FullVerifyRequest2(PUBLIC_KEY, FULL_RANDOM, 0, keys.verifier))
        frames = self.button.take_frames()
        if len(frames) == 1 and frames[0][1] != 1:  # anything but FullVerifyResponse2 is not signed
            return self.sort_out(frames)[0]
        self._sign(keys.session_key)
        self.material = keys.material
        return self.sort_out(frames)[0]

    def reconnect(self) -> Packet:
        """Verify quickly, as a host does that knows the button, and return its answer."""
        self.conn_id, self._inbox, self._outbox = 0, None, None
        self.send(QuickVerifyRequest(QUICK_RANDOM, 0, self._tmp_id, self.material[:4]))
        frames = self.button.take_frames()
        answers = self.sort_out(frames)
        if not isinstance(answer := answers[-1], QuickVerifyResponse):
            return answer
        self._sign(crypto.quick_verify_key(self.material[4:], QUICK_RANDOM, 0, answer.random))
        self._open(frames[-1][1:])
        return answer

    def ask_if_really_unpaired(self) -> tuple[Packet, bytes, bytes]:
        """Return the button's proof, and what "pairing gone" and "pairing exists" would look like."""
        certificate = self._fetch_certificate()
        if not isinstance(certificate, FullVerifyResponse1):
            raise NotTheButtonError(f"no certificate but {certificate}")
        secret = self._secret(certificate)
        token = crypto.pairing_token(secret, self.material)
        proof = self.ask(TestIfReallyUnpairedRequest(PUBLIC_KEY, FULL_RANDOM, self.material[:4], token))
        return proof, crypto.pairing_gone_result(secret, token), crypto.pairing_exists_result(secret, token)

    def _fetch_certificate(self) -> Packet:
        self.conn_id, self._inbox, self._outbox = 0, None, None
        return self.ask(FullVerifyRequest1(self._tmp_id))

    def _secret(self, certificate: FullVerifyResponse1) -> bytes:
        shared = crypto.x25519_shared(PRIVATE_KEY, certificate.public_key)
        variant = crypto.certificate_variant(
            certificate.certificate_message, certificate.signature, TEST_ROOT_PUBLIC
        )
        if shared is None or variant is None:
            raise NotTheButtonError("not genuine")
        return crypto.full_verify_secret(shared, variant, certificate.random, FULL_RANDOM, 0)

    # -- what happened? ------------------------------------------------------------------------------------

    def init(
        self, event_count: int = 0, boot_id: int = 0, *, limits: QueueLimits | None = None
    ) -> list[Packet]:
        """Ask for events, and return the init response and the queue."""
        self.send(InitButtonEventsLightRequest(event_count, boot_id, limits or QueueLimits()))
        return self.hear()
