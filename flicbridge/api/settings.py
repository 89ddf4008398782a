"""Settings of the local API: where it listens."""

from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from flicbridge.credentials import SecretName
from flicbridge.fields import Table, shown

_REMEDY: Final = 'write an address of this machine with a port, such as "127.0.0.1:8600"'


def split_address(text: str) -> tuple[str, int]:
    """Split `HOST:PORT` (an IPv6 host in square brackets).

    Raises:
        ValueError: it is not that, or not on the loopback.
    """
    host, _, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16):
        raise ValueError(f"{shown(text)} has no port between 1 and 65535; {_REMEDY}")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _is_loopback(bare):
        raise ValueError(f"{shown(text)} can be reached from other machines, or is no address; {_REMEDY}")
    return bare, int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(text: str) -> str:
    split_address(text)
    return text.strip()


def _public(text: str) -> str:
    try:
        url = urlsplit(text.strip())
        is_complete = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_complete = False
    extras = is_complete and (url.query or url.fragment or url.username is not None)
    if not is_complete or url.scheme != "https" or extras:
        remedy = 'write it like "https://tilleuls.example.fr"'
        raise ValueError(f"{shown(text)} is no https address; {remedy}")
    return text.strip().rstrip("/")


class ApiSettings(Table):
    """The local API, for `flicbridge status` and other programs on this machine."""

    listen: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        description="Listen on this loopback address too, and ask for a bearer token there. Without this key,"
        " on a Unix socket in the state directory only.",
        examples=["127.0.0.1:8600"],
    )

    public_url: Annotated[str, AfterValidator(_public)] | None = Field(
        default=None,
        description="Where helpers reach this API from outside, by a tunnel or proxy to `listen`. Messages"
        " then carry a link to answer the alert; nothing else is served there without the token.",
        examples=["https://tilleuls.example.fr"],
    )

    metrics_token: SecretName | None = Field(
        default=None,
        description="Name of the secret with a bearer token that opens the metrics on `listen`, and nothing"
        " else: for Prometheus, which must not be able to press a button.",
        examples=["metrics-token"],
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on, or None for the Unix socket alone."""
        return None if self.listen is None else split_address(self.listen)
