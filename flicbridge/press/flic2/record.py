"""A pairing as text, for the store. The text is as secret as the pairing."""

import json
from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError

from flicbridge.errors import StoreError
from flicbridge.press.flic2.pairing import Pairing, is_duo_serial

_PAIRING: TypeAdapter[Pairing] = TypeAdapter(Pairing)


def to_json(pairing: Pairing) -> str:
    """Write a pairing; its material becomes hexadecimal."""
    return json.dumps({**asdict(pairing), "material": pairing.material.hex()})


def from_json(text: str) -> Pairing:
    """Read a pairing back.

    Raises:
        StoreError: it is damaged. The message does not show the text.
    """
    try:
        raw = json.loads(text)
        model = {"is_duo": is_duo_serial(str(raw["serial"]))}  # what did not say so is known by its number
        return _PAIRING.validate_python({**model, **raw, "material": bytes.fromhex(raw["material"])})
    except (ValidationError, ValueError, TypeError, KeyError):
        # The cause holds the secret, so it does not travel on.
        raise StoreError(
            "a stored pairing is damaged; pair that button again with `flicbridge pair`"
        ) from None
