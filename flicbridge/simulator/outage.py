"""A press while the network misbehaves: a real bridge, a real receiver, and a fault proxy between the two.

Meant for a loop that leaps over idle time. A second recipient, whose line is good, shows whether anybody had
to wait for the first.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config.settings import Settings
from flicbridge.house import Bridge
from flicbridge.simulator.certificate import Authority
from flicbridge.simulator.faultproxy import FaultProxy, Mishap
from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp
from flicbridge.simulator.gateways.gateway import Gateway
from flicbridge.supervise import alongside

type Kind = Literal["http", "smsgate", "email"]

KINDS: Final[tuple[Kind, ...]] = ("http", "smsgate", "email")
SIGNING_KEY: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD: Final = "outage"  # noqa: S105 - of a phone that is not there
VICTIM, BYSTANDER = "victim", "bystander"
MESSAGE_ENDS: Final[Mapping[Kind, bytes]] = {"http": b"", "smsgate": b"", "email": b"\r\n.\r\n"}
# No retry is further away than this once a fault has ended; more would be a loss.
AFTERWARDS_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Outage:
    """What is rehearsed.

    Attributes:
        kind: the transport of the channel that suffers.
        mishap: what happens to its connections.
        lasts_s: from before the press to its end, in seconds.
    """

    kind: Kind
    mishap: Mishap
    lasts_s: float

    @property
    def encrypted(self) -> bool:
        """Whether the line has to be encrypted for that."""
        return self.mishap is Mishap.INTERCEPTED


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What came of it.

    Attributes:
        bystander_s: from the press to the other recipient, in seconds.
        told: how many messages the receiver acted on, one for each key.
        repeats: how many more it was asked for under a key that it knew.
        late_s: from the end of the fault to the message; 0 if it arrived before.
        outcomes: of every try, in order.
        spoilt: how many pieces met the mishap.
        channel: how `status` showed the channel at the end of the fault.
    """

    bystander_s: float
    told: int
    repeats: int
    late_s: float
    outcomes: tuple[str, ...]
    spoilt: int
    channel: Mapping[str, Any]


def is_possible(kind: Kind, mishap: Mishap) -> bool:
    """Phones in the practice speak plain HTTP: there is nothing to intercept. Mail knows no redirects."""
    return not (
        (kind == "smsgate" and mishap is Mishap.INTERCEPTED)
        or (kind == "email" and mishap is Mishap.REDIRECT)
    )


async def rehearse(outage: Outage, folder: Path) -> Aftermath:
    """Press once during an outage, and look what comes of it.

    Raises:
        TimeoutError: one of the two was never told.
    """
    clock = LoopClock(asyncio.get_running_loop())
    authority = Authority(folder)
    async with AsyncExitStack() as stack:
        victim: Gateway[Any] = await stack.enter_async_context(
            _receiver(outage.kind, authority.tls if outage.encrypted else None)
        )
        other_folder = folder / "other"
        other_folder.mkdir()
        proxy = await stack.enter_async_context(
            FaultProxy(
                victim.port,
                clock=clock,
                message_ends=MESSAGE_ENDS[outage.kind],
                other_tls=Authority(other_folder).tls,
            )
        )
        bystander = await stack.enter_async_context(FakeHttp(secret=SIGNING_KEY))
        channel = _channel(outage, proxy.port, authority.ca_file)
        settings = _settings(folder, channel, bystander.url)
        bridge = await stack.enter_async_context(open_bridge(settings, _Secrets(), clock=clock))
        await stack.enter_async_context(alongside(bridge=bridge.run))
        await bridge.ready.wait()
        return await _play(outage, bridge, victim, bystander, proxy, clock)


async def _play(
    outage: Outage,
    bridge: Bridge,
    victim: Gateway[Any],
    bystander: FakeHttp,
    proxy: FaultProxy,
    clock: LoopClock,
) -> Aftermath:
    proxy.mishap = outage.mishap
    pressed_s = clock.now_s()
    taken = await bridge.press("bureau", "single")
    await bystander.wait_for(1, within_s=AFTERWARDS_S)
    await clock.sleep(pressed_s + outage.lasts_s - clock.now_s())
    channel = (await bridge.status())["channels"][0]
    proxy.mishap = None
    ended_s = clock.now_s()
    await victim.wait_for(1, within_s=AFTERWARDS_S)
    await clock.sleep(AFTERWARDS_S)  # whatever comes twice comes by then
    shown = await bridge.show_alert(taken.alert) if taken.alert else None
    assert shown is not None  # noqa: S101 - it was raised a moment ago
    return Aftermath(
        bystander_s=bystander.received[0].at_s - pressed_s,
        told=len(victim.received),
        repeats=victim.duplicates,
        late_s=max(0.0, victim.received[0].at_s - ended_s),
        outcomes=_outcomes(shown),
        spoilt=proxy.spoilt,
        channel=channel,
    )


def _outcomes(shown: Mapping[str, Any]) -> tuple[str, ...]:
    ours = {delivery["id"] for delivery in shown["deliveries"] if delivery["recipient"] == VICTIM}
    return tuple(attempt["outcome"] for attempt in shown["attempts"] if attempt["delivery"] in ours)


def _receiver(kind: Kind, tls: ssl.SSLContext | None) -> Gateway[Any]:
    match kind:
        case "http":
            return FakeHttp(secret=SIGNING_KEY, tls=tls)
        case "smsgate":
            return FakePhone(password=PASSWORD)
        case "email":
            return FakeSmtp(security="tls" if tls else "none", tls=tls)


def _channel(outage: Outage, port: int, ca_file: Path) -> dict[str, Any]:
    trusted = {"ca_file": str(ca_file)} if outage.encrypted else {}
    scheme = "https" if outage.encrypted else "http"
    url = f"{scheme}://127.0.0.1:{port}"
    match outage.kind:
        case "http":
            return {"transport": "http", "url": url, "secret": "key", **trusted}
        case "smsgate":
            return {"transport": "smsgate", "url": url, "secret": "password", "to": "+33555000015"}
        case "email":
            return {
                "transport": "email",
                "host": "127.0.0.1",
                "port": port,
                "security": "tls" if outage.encrypted else "none",
                "from": "bridge@tilleuls.invalid",
                "to": "garde@tilleuls.invalid",
                **trusted,
            }


def _settings(folder: Path, channel: Mapping[str, Any], bystander_url: str) -> Settings:
    hub = {"transport": "http", "url": bystander_url, "secret": "key"}
    return Settings.read(
        {
            "bridge": {"id": "tilleuls-1", "state_dir": str(folder / "state")},
            "doctor": {"name": "Dr Anne Martin", "phone": "+33612345678"},
            "practice": {"name": "Cabinet des Tilleuls", "address": "12 rue des Tilleuls, 87000 Limoges"},
            "buttons": [{"name": "bureau", "family": "virtual", "gestures": {"single": "alert"}}],
            "recipients": [
                {"name": VICTIM, "channels": [dict(channel)]},
                {"name": BYSTANDER, "channels": [hub]},
            ],
            "plan": [{"after": "0s", "notify": [VICTIM, BYSTANDER]}],
        },
        folder,
    )


class _Secrets:
    """The two that there are."""

    def get(self, name: str) -> str:
        return {"key": SIGNING_KEY, "password": PASSWORD}[name]
