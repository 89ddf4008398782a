"""Where a channel's server is and how its line is encrypted: as much as `flicbridge selfcheck` tries out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yarl import URL

type Line = Literal["tls", "starttls", "plain"]


@dataclass(frozen=True, slots=True)
class Reach:
    """One server.

    Attributes:
        host, port: where it listens.
        line: encrypted from the start, by the mail servers' STARTTLS, or not at all.
        ca_file: the authorities that are believed; None for the system's.
        goodbye: what is polite to send before hanging up, for servers that lock out who just goes.
    """

    host: str
    port: int
    line: Line
    ca_file: Path | None = None
    goodbye: bytes = b""


def reach_of(url: str, ca_file: Path | None = None) -> Reach | None:
    """The server of a web address; None if there is none in it."""
    parsed = URL(url)
    if parsed.host is None or parsed.port is None:
        return None
    return Reach(parsed.host, parsed.port, "tls" if parsed.scheme == "https" else "plain", ca_file)
