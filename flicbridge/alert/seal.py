"""What proves that an answer is about this alert and comes from whom we asked: codes and marks, from one key.

A code is for a person to type into an SMS. It names the alert and proves little; the sender's number says
who it is. A mark is part of a link and is the whole proof, so it is as long as a key.
"""

import hmac
from base64 import urlsafe_b64encode
from typing import Final
from uuid import UUID

ALPHABET: Final = "ACDEFGHJKMNPQRTUVWXY34679"
"""Nothing that looks or sounds like something else: no 0 and O, 1 and I and L, 2 and Z, 5 and S, 8 and B."""

CODE_LENGTH: Final = 4
MARK_BYTES: Final = 18  # 144 bits, 24 letters


class Seal:
    """Makes codes and marks, and knows its own again.

    Args:
        key: secret, of this bridge alone, the same after a restart.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Seal(...)"

    def code(self, alert: UUID, turn: int = 0) -> str:
        """The code of an alert, such as `K7Q3`; another one for each `turn`, should the first be taken."""
        number = int.from_bytes(self._digest(f"code/{alert}/{turn}")[:8])
        letters = []
        for _ in range(CODE_LENGTH):
            number, letter = divmod(number, len(ALPHABET))
            letters.append(ALPHABET[letter])
        return "".join(letters)

    def mark(self, alert: UUID, recipient: str) -> str:
        """What makes the link of a recipient to an alert: nobody else can know it."""
        return urlsafe_b64encode(self._digest(f"link/{alert}/{recipient}")[:MARK_BYTES]).decode()

    def is_mark(self, given: str, alert: UUID, recipient: str) -> bool:
        """Tell, in constant time, whether a mark is the right one."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.mark(alert, recipient).encode())

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")
