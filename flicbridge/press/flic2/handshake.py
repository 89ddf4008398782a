"""Proving who is who: pairing, reconnecting, and finding out whether a pairing is really gone.

Each handshake begins with `start()` and is fed the packets that answer it; each leads to a `Progress`. Most
of them are unsigned, so nothing is believed but what the certificate, a MAC or a shared secret prove.

Source: fact sheet sections 7 and 8, step by step.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from flicbridge.press.flic2 import crypto, events
from flicbridge.press.flic2.pairing import Pairing, is_duo_serial
from flicbridge.press.flic2.reports import FailReason, Paired, SessionFailedError
from flicbridge.press.flic2.wire import verify
from flicbridge.press.flic2.wire.packet import FromButtonOp, MalformedPacketError, Packet

type Random = Callable[[int], bytes]
"""Returns that many unpredictable bytes."""

TMP_ID_BYTES: Final = 4
_FULL_VERIFY_RANDOM_BYTES: Final = 8
_QUICK_VERIFY_RANDOM_BYTES: Final = 7
_PRIVATE_KEY_BYTES: Final = 32
_NO_IDENTIFIER: Final = bytes(4)
_TWIST_SERIAL_PREFIX: Final = "T"

WRONG_ADDRESS: Final = 0
WRONG_CERTIFICATE: Final = 1
WRONG_VERIFIER: Final = 2
WRONG_PROOF: Final = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom the certificate must speak of, as far as we can know.

    Attributes:
        address: `80:E4:DA:70:00:01`, or None on a platform that hides addresses.
        address_type: 0 public, 1 static random, or None.
    """

    address: str | None
    address_type: int | None

    def is_named_in(self, certificate: verify.FullVerifyResponse1) -> bool:
        return self.address in (None, certificate.address) and self.address_type in (
            None,
            certificate.address_type,
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """What decides whether a button is believed to be genuine.

    Attributes:
        root_key: must have signed its certificate.
        peers: all of whom the certificate must speak of.
    """

    root_key: bytes
    peers: tuple[Peer, ...]

    def certificate_variant(self, response: verify.FullVerifyResponse1) -> int:
        """Return the certificate's variant, 0..3. Raises SessionFailedError if it is not this button's."""
        if not all(peer.is_named_in(response) for peer in self.peers):
            raise _not_genuine("certificate of another address", WRONG_ADDRESS)
        variant = crypto.certificate_variant(response.certificate_message, response.signature, self.root_key)
        if variant is None:
            raise _not_genuine("certificate not signed by the vendor", WRONG_CERTIFICATE)
        return variant


@dataclass(frozen=True, slots=True)
class Send:
    """The handshake goes on with this packet."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Established:
    """Both sides hold the session key.

    Attributes:
        session_key: 16 bytes.
        inbound: has verified the button's first signed packet.
        paired: what to report, if this was a pairing.
        is_duo: the button took up our offer to speak as a Duo.
    """

    session_key: bytes = field(repr=False)
    inbound: crypto.Seal
    paired: Paired | None
    is_duo: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The button proved that the pairing does not exist."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Another handshake has to take over."""

    handshake: "Handshake"


@dataclass(frozen=True, slots=True)
class Ignored:
    """Not for us, or not now."""


type Progress = Send | Established | Gone | Instead | Ignored


class Handshake(Protocol):
    """See the module's docstring.

    Attributes:
        conn_id: the logical connection the button gave us, 0 until then.
    """

    conn_id: int

    def start(self) -> Packet:
        """Return the first packet."""
        ...

    def receive(self, packet: bytes, conn_id: int) -> Progress:
        """Take one packet from the button.

        Raises:
            SessionFailedError: it cannot come to a good end any more.
            MalformedPacketError: the packet is for us, but not what its opcode promises.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What came of a certificate: a shared secret with the owner of this address."""

    secret: bytes = field(repr=False)
    address: str
    address_type: int


class _CertificateExchange:
    """What pairing and the unpaired test have in common: their first step, and a shared secret after it."""

    def __init__(self, tmp_id: bytes, trust: Trust, random: Random) -> None:
        self.conn_id = 0
        self._tmp_id = tmp_id
        self._trust = trust
        self._private_key = random(_PRIVATE_KEY_BYTES)
        self._random = random(_FULL_VERIFY_RANDOM_BYTES)

    def start(self) -> Packet:
        return verify.FullVerifyRequest1(self._tmp_id)

    def _agree(self, packet: bytes, conn_id: int, flags: int) -> _Agreed | None:
        """Read the button's certificate and agree on a secret with its owner; None if it is not for us."""
        if packet[1 : 1 + TMP_ID_BYTES] != self._tmp_id:
            return None
        response = verify.FullVerifyResponse1.decode(packet)
        variant = self._trust.certificate_variant(response)
        shared = crypto.x25519_shared(self._private_key, response.public_key)
        if shared is None:
            raise _not_genuine("X25519 key of small order", WRONG_CERTIFICATE)
        self.conn_id = _assigned(conn_id)
        secret = crypto.full_verify_secret(shared, variant, response.random, self._random, flags)
        return _Agreed(secret, response.address, response.address_type)

    def _refuse_if_full(self, packet: bytes) -> Ignored:
        _raise_if_no_slots(packet, self._tmp_id)
        return Ignored()


class FullVerify(_CertificateExchange):
    """Pairing with a button in public mode."""

    def __init__(self, trust: Trust, flags: int, random: Random) -> None:
        super().__init__(random(TMP_ID_BYTES), trust, random)
        self._flags = flags
        self._agreed: _Agreed | None = None

    def receive(self, packet: bytes, conn_id: int) -> Progress:
        match packet[0], self._agreed:
            case FromButtonOp.FULL_VERIFY_RESPONSE_1, None:
                return self._answer_certificate(packet, conn_id)
            case FromButtonOp.NO_LOGICAL_CONNECTION_SLOTS, None:
                return self._refuse_if_full(packet)
            case FromButtonOp.FULL_VERIFY_FAIL, _Agreed():
                raise _refusal(verify.FullVerifyFailResponse.decode(packet).reason)
            case FromButtonOp.FULL_VERIFY_RESPONSE_2, _Agreed() as agreed:
                return self._finish(packet, agreed)
        return Ignored()

    def _answer_certificate(self, packet: bytes, conn_id: int) -> Progress:
        # The certificate's "is public" bit is unauthenticated: it is the button's own refusal that counts.
        agreed = self._agree(packet, conn_id, self._flags)
        if agreed is None:
            return Ignored()
        keys = crypto.full_verify_keys(agreed.secret)
        if keys.material.startswith(_NO_IDENTIFIER):
            raise SessionFailedError(FailReason.PAIR_AGAIN, "the derived pairing identifier is 0")
        self._agreed = agreed
        public_key = crypto.x25519_public(self._private_key)
        return Send(verify.FullVerifyRequest2(public_key, self._random, self._flags, keys.verifier))

    def _finish(self, sealed: bytes, agreed: _Agreed) -> Established:
        keys = crypto.full_verify_keys(agreed.secret)
        inbound = crypto.Seal(keys.session_key, crypto.Direction.TO_HOST)
        packet = inbound.open(sealed)
        if packet is None:
            raise _not_genuine("FullVerifyResponse2 carries a wrong MAC", WRONG_PROOF)
        response = verify.FullVerifyResponse2.decode(packet)
        if response.cares_about_app_credentials and not response.app_credentials_match:
            raise SessionFailedError(FailReason.CREDENTIALS_REFUSED, "the button only obeys a partner's app")
        if response.serial.startswith(_TWIST_SERIAL_PREFIX):
            raise SessionFailedError(FailReason.TWIST, response.serial)
        is_duo = response.is_duo and bool(self._flags & verify.FULL_VERIFY_DUO_FLAG)
        pairing = self._pairing(response, agreed, keys.material)
        paired = Paired(pairing, response.firmware, events.battery_mv(response.battery_raw))
        return Established(keys.session_key, inbound, paired, is_duo)

    def _pairing(self, response: verify.FullVerifyResponse2, agreed: _Agreed, material: bytes) -> Pairing:
        return Pairing(
            serial=response.serial,
            address=agreed.address,
            address_type=agreed.address_type,
            material=material,
            uuid=response.uuid.hex(),
            name=response.name,
            is_duo=response.is_duo or is_duo_serial(response.serial),
            simulated=self._trust.root_key != crypto.VENDOR_ROOT_KEY,
        )


class QuickVerify:
    """Reconnecting to a button we are paired with."""

    def __init__(self, pairing: Pairing, trust: Trust, flags: int, random: Random) -> None:
        self.conn_id = 0
        self._pairing = pairing
        self._trust = trust
        self._flags = flags
        self._draw = random
        self._random = random(_QUICK_VERIFY_RANDOM_BYTES)
        self._tmp_id = random(TMP_ID_BYTES)

    def start(self) -> Packet:
        return verify.QuickVerifyRequest(self._random, self._flags, self._tmp_id, self._pairing.identifier)

    def receive(self, packet: bytes, conn_id: int) -> Progress:
        match packet[0]:
            case FromButtonOp.QUICK_VERIFY:
                return self._finish(packet, conn_id)
            case FromButtonOp.QUICK_VERIFY_NEGATIVE if packet[1 : 1 + TMP_ID_BYTES] == self._tmp_id:
                return Instead(UnpairedTest(self._pairing, self._tmp_id, self._trust, self._draw))
            case FromButtonOp.NO_LOGICAL_CONNECTION_SLOTS:
                _raise_if_no_slots(packet, self._tmp_id)
        return Ignored()

    def _finish(self, sealed: bytes, conn_id: int) -> Progress:
        if sealed[9 : 9 + TMP_ID_BYTES] != self._tmp_id:
            return Ignored()
        response = verify.QuickVerifyResponse.decode(sealed[: -crypto.MAC_BYTES])
        session_key = crypto.quick_verify_key(self._pairing.key, self._random, self._flags, response.random)
        inbound = crypto.Seal(session_key, crypto.Direction.TO_HOST)
        if inbound.open(sealed) is None:
            raise SessionFailedError(
                FailReason.QUICK_VERIFY_SIGNATURE, "QuickVerifyResponse carries a wrong MAC"
            )
        self.conn_id = _assigned(conn_id)
        is_duo = response.is_duo and bool(self._flags & verify.QUICK_VERIFY_DUO_FLAG)
        return Established(session_key, inbound, None, is_duo)


class UnpairedTest(_CertificateExchange):
    """A negative answer to a QuickVerify is not signed, anybody can forge it: have the button prove it."""

    def __init__(self, pairing: Pairing, tmp_id: bytes, trust: Trust, random: Random) -> None:
        super().__init__(tmp_id, trust, random)
        self._pairing = pairing
        self._expected: tuple[bytes, bytes] | None = None

    def receive(self, packet: bytes, conn_id: int) -> Progress:
        match packet[0], self._expected:
            case FromButtonOp.FULL_VERIFY_RESPONSE_1, None:
                return self._answer_certificate(packet, conn_id)
            case FromButtonOp.NO_LOGICAL_CONNECTION_SLOTS, None:
                return self._refuse_if_full(packet)
            case FromButtonOp.TEST_IF_REALLY_UNPAIRED, (gone, exists):
                return _verdict(verify.TestIfReallyUnpairedResponse.decode(packet).result, gone, exists)
        return Ignored()

    def _answer_certificate(self, packet: bytes, conn_id: int) -> Progress:
        agreed = self._agree(packet, conn_id, flags=0)
        if agreed is None:
            return Ignored()
        token = crypto.pairing_token(agreed.secret, self._pairing.material)
        self._expected = (
            crypto.pairing_gone_result(agreed.secret, token),
            crypto.pairing_exists_result(agreed.secret, token),
        )
        public_key = crypto.x25519_public(self._private_key)
        identifier = self._pairing.identifier
        return Send(verify.TestIfReallyUnpairedRequest(public_key, self._random, identifier, token))


def _verdict(result: bytes, gone: bytes, exists: bytes) -> Gone:
    if hmac.compare_digest(result, gone):
        return Gone()
    if hmac.compare_digest(result, exists):
        raise SessionFailedError(
            FailReason.PAIRING_EXISTS, "denied, then proven: the denial was forged or an error"
        )
    raise _not_genuine("the button cannot prove that it has forgotten us", WRONG_PROOF)


def _assigned(conn_id: int) -> int:
    if conn_id == 0:
        raise MalformedPacketError("the button assigned no logical connection")
    return conn_id


def _not_genuine(detail: str, subcode: int) -> SessionFailedError:
    return SessionFailedError(FailReason.NOT_GENUINE, detail, subcode)


def _refusal(reason: int) -> SessionFailedError:
    match reason:
        case verify.FullVerifyFailResponse.INVALID_VERIFIER:
            return _not_genuine("the button rejects our verifier", WRONG_VERIFIER)
        case verify.FullVerifyFailResponse.NOT_PUBLIC:
            return SessionFailedError(FailReason.NOT_PUBLIC, "the button is not in public mode")
    return SessionFailedError(FailReason.REFUSED, f"the button refuses, reason {reason}", reason)


def _raise_if_no_slots(packet: bytes, tmp_id: bytes) -> None:
    if tmp_id in verify.NoLogicalConnectionSlotsInd.decode(packet).tmp_ids:
        raise SessionFailedError(FailReason.NO_SLOTS, "the button serves too many hosts")
