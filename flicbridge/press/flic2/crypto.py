"""The primitives of the Flic 2 protocol: packet MACs, the certificate, the key derivations.

Source: fact sheet section 6. Standard parts (Ed25519, X25519, SHA-256, HMAC) come from `cryptography` and
the standard library; Chaskey-LTS is written here, as no library carries it. `cryptography` is loaded when
somebody pairs: a bridge that only meets buttons it knows does without, and without the 6 MB that it takes.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

VENDOR_ROOT_KEY: Final = bytes.fromhex("d33f2440dd54b31b2e1dcf40132efa41d8f8a7474168df4008f5a95fb3b0d022")
"""Ed25519 public key that vouches for every genuine Flic 2 and Flic Duo."""
TEST_ROOT_KEY: Final = bytes.fromhex("3fdd8dc013564aab2e47ff12ae729f246b84444a15e35f9c7a26b0c3020e6449")
"""Ed25519 public key that vouches for simulated buttons. Everybody has its secret: see simulator/keys.py."""

MAC_BYTES: Final = 5
_BLOCK_BYTES: Final = 16
_ROUNDS: Final = 16
_MASK32: Final = 2**32 - 1
_MASK64: Final = 2**64 - 1
_MASK128: Final = 2**128 - 1
_WORDS: Final = struct.Struct("<4I")

type Words = tuple[int, int, int, int]


class Direction(IntEnum):
    """Which way a packet goes; part of what its MAC covers, so that none can be reflected."""

    TO_HOST = 0
    TO_BUTTON = 1


def _rotate_left(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _MASK32


def _permute(words: Words) -> Words:
    """The Chaskey permutation, 16 rounds ("LTS")."""
    v0, v1, v2, v3 = words
    for _ in range(_ROUNDS):
        v0 = (v0 + v1) & _MASK32
        v1 = _rotate_left(v1, 5) ^ v0
        v0 = _rotate_left(v0, 16)
        v2 = (v2 + v3) & _MASK32
        v3 = _rotate_left(v3, 8) ^ v2
        v0 = (v0 + v3) & _MASK32
        v3 = _rotate_left(v3, 13) ^ v0
        v2 = (v2 + v1) & _MASK32
        v1 = _rotate_left(v1, 7) ^ v2
        v2 = _rotate_left(v2, 16)
    return v0, v1, v2, v3


def _xor(a: Words, b: Words) -> Words:
    return a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]


def _words(block: bytes) -> Words:
    w0, w1, w2, w3 = _WORDS.unpack(block)
    return w0, w1, w2, w3


def _doubled(key: bytes) -> bytes:
    """Multiply by x in GF(2^128), the key read as a little-endian number."""
    number = int.from_bytes(key, "little")
    reduction = 0x87 if number >> 127 else 0
    return ((number << 1 & _MASK128) ^ reduction).to_bytes(_BLOCK_BYTES, "little")


class Chaskey:
    """One 16-byte key, expanded for use."""

    __slots__ = ("_k", "_k1", "_k2")

    def __init__(self, key: bytes) -> None:
        once = _doubled(key)
        self._k = _words(key)
        self._k1 = _words(once)
        self._k2 = _words(_doubled(once))

    @property
    def subkeys(self) -> tuple[int, ...]:
        """The key and its two derived keys as twelve 32-bit words."""
        return self._k + self._k1 + self._k2

    def mac16(self, block: bytes) -> bytes:
        """Mix one full block of 16 bytes; all 16 bytes of the result are used, as a derived key."""
        state = _permute(_xor(_xor(self._k, self._k1), _words(block)))
        return _WORDS.pack(*_xor(state, self._k1))

    def packet_mac(self, packet: bytes, direction: Direction, counter: int) -> bytes:
        """Authenticate one whole packet at its place in the stream.

        Args:
            packet: opcode and fields, without frame header and without MAC; at least 1 byte.
            direction: which way it goes.
            counter: how many signed packets went that way before it; 64 bits.
        """
        counter &= _MASK64
        state = _permute(_xor(self._k, (counter & _MASK32, counter >> 32, direction, 0)))
        last_at = (len(packet) - 1) // _BLOCK_BYTES * _BLOCK_BYTES
        for at in range(0, last_at, _BLOCK_BYTES):
            state = _permute(_xor(state, _words(packet[at : at + _BLOCK_BYTES])))
        last, subkey = packet[last_at:], self._k1
        if len(last) < _BLOCK_BYTES:
            last, subkey = (last + b"\x01").ljust(_BLOCK_BYTES, b"\0"), self._k2
        state = _xor(_permute(_xor(_xor(state, _words(last)), subkey)), subkey)
        return _WORDS.pack(*state)[:MAC_BYTES]


class Seal:
    """The signed packets of one direction, in order: a key, a direction, a counter that never goes back.

    A replayed, reordered, reflected or missing packet fails by construction. After one failure the
    connection is over: counters are never brought into step again.
    """

    __slots__ = ("_chaskey", "_counter", "_direction")

    def __init__(self, session_key: bytes, direction: Direction) -> None:
        self._chaskey = Chaskey(session_key)
        self._direction = direction
        self._counter = 0

    def seal(self, packet: bytes) -> bytes:
        """Return the packet with its MAC, and move on."""
        mac = self._chaskey.packet_mac(packet, self._direction, self._counter)
        self._counter += 1
        return packet + mac

    def open(self, sealed: bytes) -> bytes | None:
        """Return the packet without its MAC and move on; None if it is not the authentic next packet."""
        packet, mac = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
        if not packet:
            return None
        expected = self._chaskey.packet_mac(packet, self._direction, self._counter)
        if not hmac.compare_digest(mac, expected):
            return None
        self._counter += 1
        return packet


def certificate_variant(message: bytes, signature: bytes, root_key: bytes) -> int | None:
    """Check a button's certificate.

    Args:
        message: 39 bytes: address in wire order (6), address type (1), X25519 public key (32).
        signature: 64 bytes, Ed25519, the two lowest bits of byte 32 being unknown.
        root_key: the 32-byte Ed25519 public key that must have signed.

    Returns:
        The value 0..3 of the two missing bits, which both sides mix into their keys, or None if no value
        makes the signature valid: not a genuine button.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    root = Ed25519PublicKey.from_public_bytes(root_key)
    for variant in range(4):
        candidate = signature[:32] + bytes([signature[32] & 0xFC | variant]) + signature[33:]
        try:
            root.verify(candidate, message)
        except InvalidSignature:
            continue
        return variant
    return None


def x25519_public(private: bytes) -> bytes:
    """Return the public half of a 32-byte X25519 private key."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519_shared(private: bytes, peer_public: bytes) -> bytes | None:
    """Agree on a secret with the owner of `peer_public`.

    Returns:
        32 bytes, or None if the peer sent a point of small order, which would make the "secret" all zeros
        and known to everybody.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(peer_public)
        )
    except ValueError:
        return None
    return shared if any(shared) else None


def full_verify_secret(
    shared: bytes, variant: int, button_random: bytes, host_random: bytes, flags: int
) -> bytes:
    """Turn an X25519 secret into the root of all keys of one pairing exchange (32 bytes).

    Args:
        shared: the X25519 secret, 32 bytes.
        variant: what `certificate_variant` found.
        button_random: 8 bytes of the button's response.
        host_random: 8 bytes of the host's second request.
        flags: the flags byte of that request exactly as sent; 0 in a test whether we are really unpaired.
    """
    return hashlib.sha256(shared + bytes([variant]) + button_random + host_random + bytes([flags])).digest()


def _labelled(secret: bytes, label: bytes, length: int = 16) -> bytes:
    return hmac.digest(secret, label, "sha256")[:length]


@dataclass(frozen=True, slots=True)
class FullVerifyKeys:
    """Everything derived from one pairing exchange.

    Attributes:
        verifier: 16 bytes that prove the host to the button.
        session_key: 16 bytes for the packet MACs of this connection.
        material: 20 bytes to keep: pairing identifier (4) and pairing key (16).
    """

    verifier: bytes = field(repr=False)
    session_key: bytes = field(repr=False)
    material: bytes = field(repr=False)


def full_verify_keys(secret: bytes) -> FullVerifyKeys:
    """Derive the keys of a pairing from what `full_verify_secret` returned."""
    return FullVerifyKeys(_labelled(secret, b"AT"), _labelled(secret, b"SK"), _labelled(secret, b"PK", 20))


def quick_verify_key(pairing_key: bytes, host_random: bytes, flags: int, button_random: bytes) -> bytes:
    """Derive the session key of a reconnect.

    Args:
        pairing_key: 16 bytes.
        host_random: 7 bytes of the request.
        flags: byte 8 of the request, as sent.
        button_random: 8 bytes of the response.
    """
    return Chaskey(pairing_key).mac16(host_random + bytes([flags]) + button_random)


def pairing_token(secret: bytes, material: bytes) -> bytes:
    """Prove to a button that says it does not know us that we hold a pairing with it (16 bytes)."""
    return _labelled(secret, b"PT" + material)


def pairing_gone_result(secret: bytes, token: bytes) -> bytes:
    """What a genuine button answers to the token if the pairing does not exist (any more)."""
    return _labelled(secret, b"NE" + token)


def pairing_exists_result(secret: bytes, token: bytes) -> bytes:
    """What a genuine button answers to the token if the pairing exists after all.

    Computed over the token, as buttons do; the vendor's C host computes it over the pairing material and
    therefore takes this answer for a forgery. Source: fact sheet section 8.
    """
    return _labelled(secret, b"EX" + token)
