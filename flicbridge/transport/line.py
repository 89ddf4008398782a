"""The line to a server: whose certificates are believed, and what went wrong on it, in a few words."""

import encodings.idna  # noqa: F401 - TLS asks for it with every host name; not from a disk at the first alert
import os
import socket
import ssl
from functools import lru_cache
from pathlib import Path

from flicbridge.errors import ConfigError, Problem


def trusting(ca_file: Path | None, server: str) -> ssl.SSLContext:
    """A TLS context that verifies certificates, by the system's authorities or by those in `ca_file` alone.

    Raises:
        ConfigError: the file cannot be read or holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else _by_the_system()
    except OSError as error:  # ssl.SSLError included
        no_certificates = isinstance(error, ssl.SSLError)
        what = "holds no certificates" if no_certificates else f"cannot be read ({error.strerror})"
        remedy = f"Give the PEM file of the authority that signed the certificate of {server}."
        raise ConfigError("settings", [Problem("ca_file", f'"{ca_file}" {what}', remedy)]) from error


@lru_cache(maxsize=1)
def _by_the_system() -> ssl.SSLContext:
    """The context that all mail servers without a file of their own share; HTTP has one by aiohttp.

    Reading the system's certificates takes 20 ms on a PC and some megabytes, for the same result each time.
    """
    return ssl.create_default_context()


def explained(error: BaseException) -> str:
    """Why a connection failed, without names, numbers or addresses."""
    if error.__cause__ is not None:  # libraries wrap what the system said
        return explained(error.__cause__)
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or type(error).__name__})"
        case socket.gaierror():
            return "the name of the server cannot be found"
        case OSError(errno=int(number)):
            return os.strerror(number)
        case _:
            return type(error).__name__
