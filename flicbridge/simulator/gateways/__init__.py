"""Fake gateways: stand-ins for providers, on real loopback sockets, with faults to order.

They live in the running loop (no threads, timers by the loop), so time may leap under them. The mail server
is made of a package that not every installation has, and is only imported when somebody asks for it.
"""

from typing import TYPE_CHECKING, Any

from flicbridge.simulator.gateways.fault import Fault
from flicbridge.simulator.gateways.gateway import Gateway
from flicbridge.simulator.gateways.http import FakeHttp, Webhook
from flicbridge.simulator.gateways.phone import FakePhone, Sms

if TYPE_CHECKING:
    from flicbridge.simulator.gateways.smtp import FakeSmtp, Mail

__all__ = ["FakeHttp", "FakePhone", "FakeSmtp", "Fault", "Gateway", "Mail", "Sms", "Webhook"]


def __getattr__(name: str) -> Any:
    if name not in ("FakeSmtp", "Mail"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flicbridge.simulator.gateways import smtp

    return getattr(smtp, name)
