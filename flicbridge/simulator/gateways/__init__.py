"""Fake gateways: stand-ins for providers, on real loopback sockets, with faults to order.

They live in the running loop (no threads, timers by the loop), so time may leap under them.
"""

from flicbridge.simulator.gateways.fault import Fault
from flicbridge.simulator.gateways.gateway import Gateway
from flicbridge.simulator.gateways.http import FakeHttp, Webhook
from flicbridge.simulator.gateways.phone import FakePhone, Sms
from flicbridge.simulator.gateways.smtp import FakeSmtp, Mail

__all__ = ["FakeHttp", "FakePhone", "FakeSmtp", "Fault", "Gateway", "Mail", "Sms", "Webhook"]
