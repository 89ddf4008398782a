"""The newest lines that the bridge logged, from the system's journal."""

import json
from typing import Any, Final

from flicbridge.selfcheck.program import output_of
from flicbridge.selfcheck.service import UNIT

LINES: Final = 500
TIMEOUT_S: Final = 10.0


async def recent() -> list[dict[str, Any]]:
    """Those of our own structured log, oldest first; nothing where there is no journal, or none of ours."""
    ask = ("journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={LINES}", f"--unit={UNIT}")
    return structured(await output_of(ask, timeout_s=TIMEOUT_S) or "")


def structured(text: str) -> list[dict[str, Any]]:
    """The lines that are JSON objects with an event: what else is there, nobody of us has written."""
    return [line for line in map(_line, text.splitlines()) if line is not None]


def _line(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None
