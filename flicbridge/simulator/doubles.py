"""A fake gateway in the place of one channel's provider, and options of the channel that lead there.

Only address, password and trusted authority are replaced. A transport that no fake gateway speaks here, from
a plugin or for want of the package that its gateway is made of, gets a webhook in its place.
"""

import secrets
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yarl import URL

from flicbridge.clock import Clock
from flicbridge.simulator.certificate import HOST, Authority
from flicbridge.simulator.gateways import FakeHttp, FakePhone, Gateway
from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.email import EmailOptions
from flicbridge.transport.http import HttpOptions
from flicbridge.transport.smsgate import SmsGateOptions


@dataclass(frozen=True, slots=True)
class Double:
    """A gateway, the secret it believes, and whether it only fills a gap."""

    gateway: Gateway[Any]
    secret: str
    is_stopgap: bool = False

    def led_to(self, options: ChannelOptions, secret: str, ca_file: Path) -> ChannelOptions:
        """The options of a channel, with its address, password and authority replaced.

        Args:
            options: the installer's.
            secret: name of the secret that the gateway believes.
            ca_file: the authority that vouches for the gateway.
        """
        port = self.gateway.port
        match options:
            case SmsGateOptions() if not self.is_stopgap:
                return options.model_copy(update={"url": f"http://{HOST}:{port}", "secret": secret})
            case HttpOptions() if not self.is_stopgap:
                url = str(URL(options.url).with_host(HOST).with_port(port))
                trusted = ca_file if _is_encrypted(options) else None
                return options.model_copy(update={"url": url, "secret": secret, "ca_file": trusted})
            case EmailOptions() if not self.is_stopgap:
                given = None if options.username is None else secret
                trusted = None if options.security == "none" else ca_file
                place = {"host": HOST, "port": port, "ca_file": trusted}
                return options.model_copy(update={**place, "secret": given})
            case _:
                return HttpOptions(
                    transport="http",
                    url=f"http://{HOST}:{port}",
                    secret=secret,
                    timeout=options.timeout,
                    expires_after=options.expires_after,
                )


def double_of(options: ChannelOptions, authority: Authority, clock: Clock) -> Double:
    """Who stands in for the provider of a channel; it listens once it is entered."""
    password = secrets.token_urlsafe()
    match options:
        case SmsGateOptions(transport="smsgate"):
            return Double(FakePhone(username=options.username, password=password, clock=clock), password)
        case HttpOptions(transport="http"):
            key = _signing_key()
            tls = authority.tls if _is_encrypted(options) else None
            return Double(FakeHttp(secret=key, tls=tls, clock=clock), key)
        case EmailOptions(transport="email"):
            return _mail_server(options, password, authority, clock) or _stopgap(clock)
        case _:
            return _stopgap(clock)


def _mail_server(options: EmailOptions, password: str, authority: Authority, clock: Clock) -> Double | None:
    """A mail server; None if the package that it is made of is not installed."""
    try:
        from flicbridge.simulator.gateways.smtp import FakeSmtp
    except ImportError:
        return None
    login = None if options.username is None else (options.username, password)
    tls = None if options.security == "none" else authority.tls
    return Double(FakeSmtp(security=options.security, tls=tls, login=login, clock=clock), password)


def _stopgap(clock: Clock) -> Double:
    key = _signing_key()
    return Double(FakeHttp(secret=key, clock=clock), key, is_stopgap=True)


def _signing_key() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def _is_encrypted(options: HttpOptions) -> bool:
    return URL(options.url).scheme == "https"
