"""The packets that prove who is who: pairing, reconnecting, and testing whether a pairing is really gone.

Both directions, both ways: hosts and simulated buttons share them. Source: fact sheet sections 7 and 8.
Random numbers, keys and signatures are raw bytes; their lengths stand in `LAYOUT`.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from flicbridge.press.flic2.wire.packet import (
    NAME_BYTES,
    FromButtonOp,
    MalformedPacketError,
    Packet,
    ToButtonOp,
    address_from_wire,
    address_to_wire,
    bit,
    decode_name,
    encode_name,
    pack_bits,
)

FULL_VERIFY_DUO_FLAG: Final = 0x80
"""Flags bit of FullVerifyRequest2: this host understands a Duo."""
QUICK_VERIFY_DUO_FLAG: Final = 0x40
"""The same in QuickVerifyRequest."""

_TMP_ID_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class FullVerifyRequest1(Packet):
    """Pairing, step 1. `tmp_id` tells the answers to us from those to other hosts."""

    OPCODE = ToButtonOp.FULL_VERIFY_REQUEST_1
    LAYOUT = Struct("<4s")

    tmp_id: bytes


def certificate_message(address: str, address_type: int, public_key: bytes) -> bytes:
    """Return the 39 bytes that a button's certificate signs."""
    return address_to_wire(address) + bytes([address_type]) + public_key


@dataclass(frozen=True, slots=True)
class FullVerifyResponse1(Packet):
    """Pairing, step 2: the button shows its certificate.

    Attributes:
        tmp_id: of the request.
        signature: of `certificate_message`, its two lowest scalar bits missing.
        address: `80:E4:DA:70:00:01`.
        address_type: 0 public, 1 static random.
        public_key: the button's X25519 key.
        random: 8 bytes.
        link_is_encrypted, is_public, has_bond_info: unauthenticated; good for friendly messages only.
    """

    OPCODE = FromButtonOp.FULL_VERIFY_RESPONSE_1
    LAYOUT = Struct("<4s64s6sB32s8sB")

    tmp_id: bytes
    signature: bytes
    address: str
    address_type: int
    public_key: bytes
    random: bytes
    link_is_encrypted: bool
    is_public: bool
    has_bond_info: bool

    @property
    def certificate_message(self) -> bytes:
        """What `signature` signs."""
        return certificate_message(self.address, self.address_type, self.public_key)

    def _body(self) -> bytes:
        return self.LAYOUT.pack(
            self.tmp_id,
            self.signature,
            address_to_wire(self.address),
            self.address_type,
            self.public_key,
            self.random,
            pack_bits(self.link_is_encrypted, self.is_public, self.has_bond_info),
        )

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        tmp_id, signature, address, address_type, public_key, random, flags = cls._read(body)
        return cls(
            tmp_id=tmp_id,
            signature=signature,
            address=address_from_wire(address),
            address_type=address_type,
            public_key=public_key,
            random=random,
            link_is_encrypted=bit(flags, 0),
            is_public=bit(flags, 1),
            has_bond_info=bit(flags, 2),
        )


@dataclass(frozen=True, slots=True)
class FullVerifyRequest2(Packet):
    """Pairing, step 3: the host shows that it computed the same keys.

    Attributes:
        public_key: the host's X25519 key.
        random: 8 bytes.
        flags: as sent, for it goes into the keys: bits 0-2 and 3-5 algorithm variants (0), bit 6 must
            validate app token, bit 7 supports Duo.
        verifier: the proof.
    """

    OPCODE = ToButtonOp.FULL_VERIFY_REQUEST_2
    LAYOUT = Struct("<32s8sB16s")

    public_key: bytes
    random: bytes
    flags: int
    verifier: bytes


@dataclass(frozen=True, slots=True)
class FullVerifyRequest2WithToken(Packet):
    """The same for the buttons of a vendor's partner, with the app's credentials encrypted in `token`."""

    OPCODE = ToButtonOp.FULL_VERIFY_REQUEST_2_WITH_TOKEN
    LAYOUT = Struct("<32s8sB16s16s")

    public_key: bytes
    random: bytes
    flags: int
    token: bytes
    verifier: bytes


@dataclass(frozen=True, slots=True)
class FullVerifyResponse2(Packet):
    """Pairing, step 4, signed: the button accepts, and introduces itself.

    Attributes:
        app_credentials_match, cares_about_app_credentials: a partner's button cares.
        is_duo: a Duo that will use Duo packets with us.
        uuid: 16 bytes.
        name: what its owner calls it.
        firmware: version.
        battery_raw: see `events.battery_mv`.
        serial: up to 11 characters.
    """

    OPCODE = FromButtonOp.FULL_VERIFY_RESPONSE_2
    LAYOUT = Struct("<B16sB23sIH11s")

    app_credentials_match: bool
    cares_about_app_credentials: bool
    is_duo: bool
    uuid: bytes
    name: str
    firmware: int
    battery_raw: int
    serial: str

    def _body(self) -> bytes:
        name = encode_name(self.name)
        return self.LAYOUT.pack(
            pack_bits(self.app_credentials_match, self.cares_about_app_credentials, self.is_duo),
            self.uuid,
            len(name),
            name,
            self.firmware,
            self.battery_raw,
            self.serial.encode("ascii"),
        )

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        flags, uuid, name_bytes, name, firmware, battery_raw, serial = cls._read(body)
        return cls(
            app_credentials_match=bit(flags, 0),
            cares_about_app_credentials=bit(flags, 1),
            is_duo=bit(flags, 2),
            uuid=uuid,
            name=decode_name(name[: min(name_bytes, NAME_BYTES)]),
            firmware=firmware,
            battery_raw=battery_raw,
            serial=_serial(serial),
        )


def _serial(raw: bytes) -> str:
    """A serial names the button in settings, logs and alert ids: it must be readable."""
    serial = raw.rstrip(b"\0").decode("ascii", errors="replace")
    if not serial or not serial.isascii() or not serial.isprintable() or " " in serial:
        raise MalformedPacketError(f"FullVerifyResponse2: serial number {raw.hex()}")
    return serial


@dataclass(frozen=True, slots=True)
class FullVerifyFailResponse(Packet):
    """The button refuses to pair. `reason`: 0 the host's verifier is wrong, 1 not in public mode."""

    INVALID_VERIFIER: ClassVar[int] = 0
    NOT_PUBLIC: ClassVar[int] = 1

    OPCODE = FromButtonOp.FULL_VERIFY_FAIL
    LAYOUT = Struct("<B")

    reason: int


@dataclass(frozen=True, slots=True)
class FullVerifyAbortInd(Packet):
    """The host gives up a pairing it began."""

    OPCODE = ToButtonOp.FULL_VERIFY_ABORT


@dataclass(frozen=True, slots=True)
class NoLogicalConnectionSlotsInd(Packet):
    """The button serves too many hosts already. Concerns those whose `tmp_ids` are listed."""

    OPCODE = FromButtonOp.NO_LOGICAL_CONNECTION_SLOTS

    tmp_ids: tuple[bytes, ...]

    def _body(self) -> bytes:
        return b"".join(self.tmp_ids)

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        whole = len(body) - len(body) % _TMP_ID_BYTES
        return cls(tuple(body[at : at + _TMP_ID_BYTES] for at in range(0, whole, _TMP_ID_BYTES)))


@dataclass(frozen=True, slots=True)
class QuickVerifyRequest(Packet):
    """Reconnect, step 1.

    Attributes:
        random: 7 bytes.
        flags: as sent, for it goes into the key: bits 0-2 and 3-5 algorithm variants (0), bit 6 supports Duo.
        tmp_id: new for each attempt.
        identifier: which pairing.
    """

    OPCODE = ToButtonOp.QUICK_VERIFY
    LAYOUT = Struct("<7sB4s4s")

    random: bytes
    flags: int
    tmp_id: bytes
    identifier: bytes


@dataclass(frozen=True, slots=True)
class QuickVerifyResponse(Packet):
    """Reconnect, step 2, signed: the button proves itself, and gives us a logical connection."""

    OPCODE = FromButtonOp.QUICK_VERIFY
    LAYOUT = Struct("<8s4sB")

    random: bytes
    tmp_id: bytes
    link_is_encrypted: bool
    has_bond_info: bool
    is_duo: bool

    def _body(self) -> bytes:
        flags = pack_bits(self.link_is_encrypted, self.has_bond_info, self.is_duo)
        return self.LAYOUT.pack(self.random, self.tmp_id, flags)

    @classmethod
    def _from_body(cls, body: bytes) -> Self:
        random, tmp_id, flags = cls._read(body)
        return cls(random, tmp_id, bit(flags, 0), bit(flags, 1), bit(flags, 2))


@dataclass(frozen=True, slots=True)
class QuickVerifyNegativeResponse(Packet):
    """Somebody says that the button does not know us. Not signed: never delete a pairing because of it."""

    OPCODE = FromButtonOp.QUICK_VERIFY_NEGATIVE
    LAYOUT = Struct("<4s")

    tmp_id: bytes


@dataclass(frozen=True, slots=True)
class TestIfReallyUnpairedRequest(Packet):
    """Asks a button that does not know us to prove it."""

    __test__: ClassVar[bool] = False  # pytest would take it for a test by its name

    OPCODE = ToButtonOp.TEST_IF_REALLY_UNPAIRED
    LAYOUT = Struct("<32s8s4s16s")

    public_key: bytes
    random: bytes
    identifier: bytes
    token: bytes


@dataclass(frozen=True, slots=True)
class TestIfReallyUnpairedResponse(Packet):
    """The proof; see `crypto.pairing_gone_result` and `crypto.pairing_exists_result`."""

    __test__: ClassVar[bool] = False

    OPCODE = FromButtonOp.TEST_IF_REALLY_UNPAIRED
    LAYOUT = Struct("<16s")

    result: bytes


@dataclass(frozen=True, slots=True)
class PairingFinishedInd(Packet):
    """Outcome of a BLE bonding, which this host never asks for."""

    OPCODE = FromButtonOp.PAIRING_FINISHED
    LAYOUT = Struct("<2B")

    flags: int
    reason: int


@dataclass(frozen=True, slots=True)
class DisconnectVerifiedLinkInd(Packet):
    """The host ends this logical connection."""

    OPCODE = ToButtonOp.DISCONNECT_VERIFIED_LINK


@dataclass(frozen=True, slots=True)
class DisconnectedVerifiedLinkInd(Packet):
    """The button has ended this logical connection.

    `reason`: 0 ping timeout, 1 invalid signature, 2 the same pairing began a new one, 3 on request.
    """

    PING_TIMEOUT: ClassVar[int] = 0
    INVALID_SIGNATURE: ClassVar[int] = 1
    REPLACED: ClassVar[int] = 2
    BY_USER: ClassVar[int] = 3

    OPCODE = FromButtonOp.DISCONNECTED_VERIFIED_LINK
    LAYOUT = Struct("<B")

    reason: int


@dataclass(frozen=True, slots=True)
class ForceBtDisconnectInd(Packet):
    """The button is to drop the radio link, for all hosts."""

    OPCODE = ToButtonOp.FORCE_BT_DISCONNECT
    LAYOUT = Struct("<?")

    restart_adv: bool
