"""The test root: a stand-in for the vendor's secret key, which vouches for simulated buttons only.

A host accepts simulated buttons only if it is told to trust this root instead of the vendor's.
"""

from dataclasses import dataclass
from typing import Final

from flicbridge.press.flic2.crypto import TEST_ROOT_KEY
from flicbridge.press.flic2.wire.verify import certificate_message

TEST_ROOT_SEED: Final = bytes.fromhex("f11c" * 16)
"""Ed25519 seed; worth nothing, as everybody has it."""
TEST_ROOT_PUBLIC: Final = TEST_ROOT_KEY

_VARIANT_AT: Final = 32
_VARIANT_BITS: Final = 0x03


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the factory gives to a button.

    Attributes:
        signature: 64 bytes as the button sends them: the two lowest bits of byte 32 cleared.
        variant: those two bits, which only the button and whoever can verify the signature know.
    """

    signature: bytes
    variant: int


def issue_certificate(
    address: str, address_type: int, public_key: bytes, *, seed: bytes = TEST_ROOT_SEED
) -> Certificate:
    """Vouch for a button.

    Args:
        address: `80:E4:DA:70:00:01`.
        address_type: 0 public, 1 static random.
        public_key: the button's X25519 key, 32 bytes.
        seed: of the root key that signs.

    Source: fact sheet section 6.2.
    """
    # Not before: a self-test imports this module, and a bridge would keep for good what it never uses.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    message = certificate_message(address, address_type, public_key)
    signature = bytearray(Ed25519PrivateKey.from_private_bytes(seed).sign(message))
    variant = signature[_VARIANT_AT] & _VARIANT_BITS
    signature[_VARIANT_AT] ^= variant
    return Certificate(bytes(signature), variant)
