"""One press through the bridge itself, as a drill.

It runs here with the settings as they are, and hears the one button that is tried. What would raise an alert
raises a test, which goes to those who agreed to drills and says EXERCICE; unless it was pressed before the
trial began. Then it is the doctor's, and calls for help like any other.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from flicbridge.cli.setup.evidence import PressFact, ReachedFact, identity
from flicbridge.cli.setup.site import now_at
from flicbridge.errors import ApiError

if TYPE_CHECKING:
    from uuid import UUID

    from flicbridge.alert.alert import Alert
    from flicbridge.clock import Clock
    from flicbridge.config import ButtonSettings, Settings
    from flicbridge.credentials import Credentials
    from flicbridge.house import Bridge
    from flicbridge.supervise import Start

READY_S: Final = 15.0
LINK_S: Final = 30.0
PRESS_S: Final = 60.0
REACHED_S: Final = 45.0
LOOK_EVERY_S: Final = 0.1
CONNECTED: Final = frozenset({"up", "asleep"})  # one that sleeps between presses connects when it is pressed
UNDER_WAY: Final = frozenset({"queued", "sending"})
KNOWN: Final = 500


class Guide(Protocol):
    """Talks with the person at the button."""

    def invite(self) -> None:
        """Ask for the press: the button is connected."""
        ...

    def warn(self, age_s: float) -> None:
        """Say that the button had kept a press from before the trial: somebody has called for help."""
        ...

    def tell(self, alert: "UUID", reached: tuple[ReachedFact, ...]) -> None:
        """Say what became of the messages of that call which leave at once."""
        ...


def for_trial(settings: "Settings", button: "ButtonSettings") -> "Settings":
    """The settings of a bridge that hears one button alone, and tells nobody how it is itself.

    The others keep what is pressed meanwhile, for the bridge that hears them next.
    """
    from flicbridge.alert.maintainer import MaintainerSettings
    from flicbridge.api.settings import ApiSettings

    alerts = settings.alerts.model_copy(update={"tell_doctor": ()})
    beside = {"alerts": alerts, "maintainer": MaintainerSettings(), "api": ApiSettings()}
    return settings.model_copy(update={"buttons": (button,), **beside})


async def rehearse_press(
    settings: "Settings",
    credentials: "Credentials",
    button: "ButtonSettings",
    gesture: str,
    guide: Guide,
    clock: "Clock",
) -> PressFact:
    """Run the bridge until one press has gone all its way.

    Args:
        settings: as they are; see `for_trial` for what is made of them.
        credentials: where the secrets are.
        button: the one that is pressed.
        gesture: what the fingers do where the button is a simulated one.
        guide: asks for the press, and warns.
        clock: what time it is.

    Raises:
        ApiError: `running`, `unready`, `unheard`, `unpressed`; or `called`: the guide has said what it was.
        InputError, StoreError: the bridge cannot run.
    """
    from flicbridge.bridge import open_bridge
    from flicbridge.supervise import alongside

    await _insist_on_silence(settings.bridge.state_dir)
    wanted, since_s = for_trial(settings, button), clock.now_s()
    async with AsyncExitStack() as stack:
        opening = open_bridge(wanted, credentials, clock=clock, tests_since_s=since_s)
        bridge = await stack.enter_async_context(opening)
        before = frozenset(standing.alert.id for standing in await bridge.list_alerts(KNOWN))
        await stack.enter_async_context(alongside(bridge=bridge.run))
        fingers: dict[str, Start] = {}
        if settings.radio.simulated:
            fingers["finger"] = partial(_press, bridge, button.name, gesture)
        return await _Trial(bridge, button, before, fingers, guide, clock).run()


async def _insist_on_silence(state_dir: Path) -> None:
    """Raise ApiError if a bridge runs here: it would hear the press as a real one."""
    from flicbridge.api.client import ApiClient

    try:
        await ApiClient(state_dir).status()
    except ApiError as error:
        if error.status is None:
            return
    raise ApiError("running")


async def _within[T](work: Coroutine[Any, Any, T], seconds: float, otherwise: str) -> T:
    """Wait for something, but not for ever.

    Raises:
        ApiError: with the word for what did not come.
    """
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise ApiError(otherwise) from error


async def _press(bridge: "Bridge", button: str, gesture: str) -> None:
    """Be the finger at a simulated button."""
    await bridge.press(button, gesture)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One press of one button, at a bridge that runs.

    Attributes:
        before: the alerts that were there when it began.
        fingers: who presses, if nobody is there who could.
    """

    bridge: "Bridge"
    button: "ButtonSettings"
    before: "frozenset[UUID]"
    fingers: "Mapping[str, Start]"
    guide: Guide
    clock: "Clock"

    async def run(self) -> PressFact:
        """Take the press; whatever comes of it, a call for help has left before the bridge ends."""
        outcome: PressFact | ApiError
        try:
            outcome = await self._tried()
        except ApiError as error:
            outcome = error
        calls = await self._calls()
        for alert in calls:
            await self._see_off(alert)
        if calls:
            raise ApiError("called")
        if isinstance(outcome, ApiError):
            raise outcome
        return outcome

    async def _tried(self) -> PressFact:
        from flicbridge.alert.alert import Happening
        from flicbridge.supervise import alongside

        await _within(self.bridge.ready.wait(), READY_S, "unready")
        await _within(self._linked(), LINK_S, "unheard")
        self.guide.invite()
        async with alongside(**self.fingers):
            alert = await _within(self._raised(), PRESS_S, "unpressed")
        shown = await self._settled(alert.id)
        await self.bridge.move_alert(alert.id, Happening.CLOSED, by="cli")
        return PressFact(
            at=now_at(),
            serial=identity(self.button),
            gesture=alert.gesture,
            reaction=self.button.gestures[alert.gesture].value,
            known_after_s=_since(alert, alert.received_at.timestamp()),
            reached=_reached(shown, alert),
        )

    async def _linked(self) -> None:
        while True:
            parts = (await self.bridge.status())["buttons"]
            if any(part["name"] == self.button.name and part.get("link") in CONNECTED for part in parts):
                return
            await self.clock.sleep(LOOK_EVERY_S)

    async def _raised(self) -> "Alert":
        """Wait for the test of the press that calls for help; no other one proves anything.

        Raises:
            ApiError: `called`.
        """
        from flicbridge.alert.alert import AlertKind
        from flicbridge.alert.desk import Reaction

        while True:
            found = await self._new()
            if any(alert.kind is not AlertKind.TEST for alert in found):
                raise ApiError("called")
            for alert in found:
                if alert.key == 0 and self.button.gestures.get(alert.gesture) is Reaction.ALERT:
                    return alert
            await self.clock.sleep(LOOK_EVERY_S)

    async def _calls(self) -> "list[Alert]":
        from flicbridge.alert.alert import AlertKind

        return [alert for alert in await self._new() if alert.kind is not AlertKind.TEST]

    async def _new(self) -> "list[Alert]":
        """The alerts that this button has raised during the trial, newest first."""
        alerts = [standing.alert for standing in await self.bridge.list_alerts(KNOWN)]
        return [a for a in alerts if a.id not in self.before and a.button == self.button.name]

    async def _see_off(self, alert: "Alert") -> None:
        """Stay until what leaves at once has left. The bridge that runs next does the rest of the plan."""
        self.guide.warn(_since(alert, alert.received_at.timestamp()))
        self.guide.tell(alert.id, _reached(await self._settled(alert.id), alert))

    async def _settled(self, alert: "UUID") -> Mapping[str, Any]:
        """Wait until every message that leaves at once has left or failed; return all there is about it."""
        until_s = self.clock.now_s() + REACHED_S
        while True:
            shown = await self.bridge.show_alert(alert) or {"deliveries": []}
            states = {row["state"] for row in shown["deliveries"] if _leaves_at_once(row)}
            if self.clock.now_s() > until_s or (states and not UNDER_WAY & states):
                return shown
            await self.clock.sleep(LOOK_EVERY_S)


def _leaves_at_once(row: Mapping[str, Any]) -> bool:
    return (row["step"], row["purpose"]) == (0, "alert")


def _reached(shown: Mapping[str, Any], alert: "Alert") -> tuple[ReachedFact, ...]:
    """The times of its messages, counted from the moment when the finger went down."""
    return tuple(
        ReachedFact(
            channel=row["channel"],
            state=row["state"],
            after_s=None if row["sent_at"] is None else _since(alert, row["sent_at"]),
            detail=row["last_error"] or "",
        )
        for row in shown["deliveries"]
        if _leaves_at_once(row)
    )


def _since(alert: "Alert", at: float) -> float:
    return round(max(0.0, at - alert.pressed_at.timestamp()), 3)
