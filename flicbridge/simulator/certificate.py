"""Certificates for fake gateways, so that encrypted channels are rehearsed encrypted.

A small authority that nobody trusts but the channels of this rehearsal. It lives as long as its folder.
"""

import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
CA_FILE: Final = "rehearsal-ca.pem"
CHAIN: Final = "rehearsal-gateway.pem"
ASIDE_TIMEOUT_S: Final = 15.0


class Authority:
    """The TLS of fake gateways, and the file that channels trust instead of the real authorities.

    Attributes:
        ca_file: for the channels, PEM.
        tls: for the gateways.
    """

    def __init__(self, folder: Path) -> None:
        """Take over the certificates that lie in the folder, or issue them there."""
        self.ca_file, chain = folder / CA_FILE, folder / CHAIN
        if not (self.ca_file.exists() and chain.exists()):
            from flicbridge.simulator.issuing import issue

            issue(self.ca_file, chain)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(chain)


def issue_aside(folder: Path) -> None:
    """Have the certificates issued by another process; blocks. If that fails, `Authority` does it here.

    What it takes to issue them stays in memory for good, 10 MB, and a bridge that tries itself out once a day
    has no other use for it.
    """
    command = (
        sys.executable,
        "-m",
        "flicbridge.simulator.issuing",
        str(folder / CA_FILE),
        str(folder / CHAIN),
    )
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, check=True, capture_output=True, timeout=ASIDE_TIMEOUT_S)  # noqa: S603 - ours
