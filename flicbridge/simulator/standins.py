"""The cast of a rehearsal: for every channel of the settings a fake gateway, and settings that lead there.

Only addresses, passwords and trusted authorities of channels are replaced. Encryption, timeouts, recipients
and all else stay as the installer wrote them. A channel of a transport that no fake gateway speaks, from a
plugin, is played by a webhook in its place: its message arrives, its own code is not rehearsed.
"""

import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flicbridge.clock import Clock
from flicbridge.config.settings import ButtonSettings, RecipientSettings, Settings
from flicbridge.errors import ConfigError, Problem
from flicbridge.press.settings import Family, RadioSettings
from flicbridge.simulator.certificate import Authority
from flicbridge.simulator.doubles import double_of
from flicbridge.simulator.gateways import Fault, Gateway

CUT: Final = Fault(kind="refuse")


class StandIn:
    """A fake gateway in the place of one channel's provider.

    Attributes:
        channel: `recipient/index`.
        recipient: its name in the settings.
        transport: what the settings say.
        gateway: where the messages arrive.
        is_stopgap: no fake gateway speaks that transport; a webhook is sent instead.
    """

    def __init__(
        self, channel: str, recipient: str, transport: str, gateway: Gateway[Any], *, is_stopgap: bool = False
    ) -> None:
        self.channel = channel
        self.recipient = recipient
        self.transport = transport
        self.gateway = gateway
        self.is_stopgap = is_stopgap
        self._ordered: Fault | None = None
        self._cuts: set[str] = set()

    def order(self, fault: Fault | None) -> None:
        """Misbehave from now on, or be well; while the line is cut, it is for afterwards."""
        if self._cuts:
            self._ordered = fault
        else:
            self.gateway.fault = fault

    def cut(self, why: str) -> None:
        """Cut the line; for several reasons at once it stays cut until all are gone."""
        if not self._cuts:
            self._ordered, self.gateway.fault = self.gateway.fault, CUT
        self._cuts.add(why)

    def mend(self, why: str) -> None:
        """Take one reason for the cut away."""
        if self._cuts == {why}:
            self.gateway.fault = self._ordered
        self._cuts.discard(why)


@dataclass(frozen=True, slots=True)
class RehearsalSecrets:
    """Made-up secrets; the installer's own are never looked at."""

    known: Mapping[str, str] = field(repr=False)

    def get(self, name: str) -> str:
        """Return the secret.

        Raises:
            ConfigError: nobody made it up.
        """
        if name not in self.known:
            raise ConfigError("rehearsal", [Problem("secrets", f'nobody made up "{name}"', "Report this.")])
        return self.known[name]


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that replaces the world outside.

    Attributes:
        settings: the installer's, leading to the stand-ins.
        secrets: what they ask for.
        standins: by channel, in the order of the settings.
    """

    settings: Settings
    secrets: RehearsalSecrets
    standins: Mapping[str, StandIn]


@asynccontextmanager
async def standing_in(settings: Settings, folder: Path, clock: Clock) -> AsyncGenerator[Cast]:
    """Let fake gateways listen for as long as the context lasts.

    Args:
        settings: the installer's.
        folder: for the database and certificates of this rehearsal.
        clock: what time the gateways say it is.
    """
    authority = Authority(folder)
    made_up = {pin: secrets.token_hex() for pin in [settings.alerts.duress_pin] if pin is not None}
    standins: dict[str, StandIn] = {}
    recipients = []
    async with AsyncExitStack() as stack:
        for recipient in settings.recipients:
            channels = []
            for index, options in enumerate(recipient.channels):
                name = f"{recipient.name}/{index}"
                double = double_of(options, authority, clock)
                await stack.enter_async_context(double.gateway)
                standins[name] = StandIn(
                    name, recipient.name, options.transport, double.gateway, is_stopgap=double.is_stopgap
                )
                secret = f"rehearsal-{recipient.name}-{index}"
                made_up[secret] = double.secret
                channels.append(double.led_to(options, secret, authority.ca_file))
            recipients.append(recipient.model_copy(update={"channels": tuple(channels)}))
        yield Cast(_rehearsed(settings, folder, recipients), RehearsalSecrets(made_up), standins)


def _rehearsed(settings: Settings, folder: Path, recipients: Iterable[RecipientSettings]) -> Settings:
    """The settings with another state, a simulated radio, no port of the installer's and no outside watch."""
    return settings.model_copy(
        update={
            "bridge": settings.bridge.model_copy(update={"state_dir": folder / "state"}),
            "radio": RadioSettings(simulated=True),
            "api": settings.api.model_copy(update={"listen": None, "metrics_token": None}),
            "maintainer": settings.maintainer.model_copy(update={"heartbeat": None}),
            "recipients": tuple(recipients),
            "buttons": tuple(map(_simulated, settings.buttons)),
        }
    )


def _simulated(button: ButtonSettings) -> ButtonSettings:
    """The button that is simulated in place of a real one; whoever has small gestures is a Duo."""
    if button.family is not Family.FLIC2:
        return button
    # The daily self-test has a virtual button only, and does not carry a simulated Flic 2 along.
    from flicbridge.simulator.flic2.memory import Identity

    identity = Identity.made_for(button.name, duo=bool(button.small_gestures))
    return button.model_copy(update={"simulated": True, "serial": identity.serial})
