"""Signatures of Standard Webhooks: who sent it, that nobody changed it, and that it is not an old one.

Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, version 1.0.0.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST_KEY, LONGEST_KEY = 24, 64  # bytes
HOW_TO_MAKE_ONE: Final = 'make one with: echo "whsec_$(openssl rand -base64 32)"'


def read_keys(secret: str) -> tuple[bytes, ...]:
    """Read a signing secret: `whsec_` and base64, as the specification serialises it.

    The reference libraries take the base64 alone as well, and so do we.

    While a key is being changed for a new one, both may be given, with a space between them: each message
    is then signed with both, and the receiver may take either.

    Raises:
        ValueError: it is none; the message says what is wrong and how to mend it, without the secret.
    """
    keys = tuple(_read_key(word) for word in secret.split())
    if not keys:
        raise ValueError(f"is empty; {HOW_TO_MAKE_ONE}")
    return keys


def _read_key(word: str) -> bytes:
    text = word.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        # The cause would quote the secret, so it must not travel on.
        raise ValueError(f"is not {PREFIX} and base64; {HOW_TO_MAKE_ONE}") from None
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError(
            f"has {len(key)} bytes instead of {SHORTEST_KEY} to {LONGEST_KEY}; {HOW_TO_MAKE_ONE}"
        )
    return key


def sign(keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`: one `v1` signature per key.

    Args:
        keys: from `read_keys`.
        message_id: the value of `webhook-id`; must not contain a full stop, or two messages could look alike.
        timestamp_s: the value of `webhook-timestamp`: whole seconds since 1970, of this attempt.
        body: the very bytes that are sent.
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp_s, body)
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def is_signed_with(
    keys: Sequence[bytes], header: str, message_id: str, timestamp_s: int, body: bytes
) -> bool:
    """Tell whether a `webhook-signature` header holds a signature by one of the keys."""
    expected = sign(keys, message_id, timestamp_s, body).split()
    given = header.split()
    return any(hmac.compare_digest(ours.encode(), theirs.encode()) for ours in expected for theirs in given)
