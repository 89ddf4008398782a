"""The doctor's PIN: with it a cancellation is believed; without it, it may have been forced."""

import hmac
import secrets


class Pin:
    """Tells the right PIN from a wrong one, in the same time, and does not keep it.

    Args:
        digits: the PIN itself; blanks around it do not count.
    """

    def __init__(self, digits: str) -> None:
        self._salt = secrets.token_bytes(32)  # of this run: what is in memory opens nothing else
        self._digest = self._of(digits)

    def __repr__(self) -> str:
        return "Pin(...)"

    def is_right(self, given: str | None) -> bool:
        """Tell whether this is the PIN; none at all takes as long as a wrong one."""
        return hmac.compare_digest(self._digest, self._of(given or ""))

    def _of(self, digits: str) -> bytes:
        return hmac.digest(self._salt, digits.strip().encode("utf-8", "replace"), "sha256")
