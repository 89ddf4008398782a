"""One press through the bridge itself, as a drill.

It runs here with the settings as they are; but what would raise an alert raises a test, which goes to those
who agreed to drills and says EXERCICE.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flicbridge.cli.setup.evidence import PressFact, ReachedFact
from flicbridge.cli.setup.site import now_at
from flicbridge.errors import ApiError

if TYPE_CHECKING:
    from uuid import UUID

    from flicbridge.alert.alert import Alert
    from flicbridge.clock import Clock
    from flicbridge.config import ButtonSettings, Settings
    from flicbridge.credentials import Credentials
    from flicbridge.house import Bridge

READY_S: Final = 15.0
LINK_S: Final = 30.0
PRESS_S: Final = 60.0
REACHED_S: Final = 45.0
LOOK_EVERY_S: Final = 0.1
CONNECTED: Final = frozenset({"up", "asleep"})  # one that sleeps between presses connects when it is pressed
UNDER_WAY: Final = frozenset({"queued", "sending"})
KNOWN: Final = 100


def as_drill(settings: "Settings") -> "Settings":
    """The settings of a bridge whose every alert is a test, and which tells nobody anything else."""
    from datetime import timedelta

    from flicbridge.alert.desk import Reaction
    from flicbridge.alert.maintainer import MaintainerSettings
    from flicbridge.api.settings import ApiSettings

    def tests(gestures: Mapping[str, Reaction]) -> dict[str, Reaction]:
        return {
            name: Reaction.TEST if reaction is Reaction.ALERT else reaction
            for name, reaction in gestures.items()
        }

    buttons = tuple(
        button.model_copy(
            update={"gestures": tests(button.gestures), "small_gestures": tests(button.small_gestures)}
        )
        for button in settings.buttons
    )
    alerts = settings.alerts.model_copy(update={"join_within": timedelta(0), "tell_doctor": ()})
    beside = {"maintainer": MaintainerSettings(), "api": ApiSettings()}
    return settings.model_copy(update={"buttons": buttons, "alerts": alerts, **beside})


async def rehearse_press(
    settings: "Settings",
    credentials: "Credentials",
    button: "ButtonSettings",
    gesture: str,
    invite: Callable[[], None],
    clock: "Clock",
) -> PressFact:
    """Run the bridge until one press has gone all its way.

    Args:
        settings: as they are; see `as_drill` for what is made of them.
        credentials: where the secrets are.
        button: the one that is pressed.
        gesture: what the fingers do where the button is a simulated one.
        invite: asks for the press, once the button is connected.
        clock: what time it is.

    Raises:
        ApiError: `running`, `unready`, `unheard` or `unpressed`.
        InputError, StoreError: the bridge cannot run.
    """
    from flicbridge.alert.alert import Happening
    from flicbridge.bridge import open_bridge
    from flicbridge.supervise import alongside

    await _insist_on_silence(settings.bridge.state_dir)
    async with (
        open_bridge(as_drill(settings), credentials, clock=clock) as bridge,
        alongside(bridge=bridge.run),
    ):
        await _within(bridge.ready.wait(), READY_S, "unready")
        await _within(_linked(bridge, button.name, clock), LINK_S, "unheard")
        known = {standing.alert.id for standing in await bridge.list_alerts(KNOWN)}
        invite()
        async with alongside(finger=partial(_press, bridge, settings, button.name, gesture)):
            raised = await _within(_raised(bridge, button.name, known, clock), PRESS_S, "unpressed")
        shown = await _settled(bridge, raised, clock)
        await bridge.move_alert(raised, Happening.CLOSED, by="cli")
        return _fact(shown, button)


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


async def _linked(bridge: "Bridge", button: str, clock: "Clock") -> None:
    while True:
        status = await bridge.status()
        if any(part["name"] == button and part.get("link") in CONNECTED for part in status["buttons"]):
            return
        await clock.sleep(LOOK_EVERY_S)


async def _press(bridge: "Bridge", settings: "Settings", button: str, gesture: str) -> None:
    """Be the finger at a simulated button."""
    if settings.radio.simulated:
        await bridge.press(button, gesture)


async def _raised(bridge: "Bridge", button: str, known: "set[UUID]", clock: "Clock") -> "UUID":
    """Wait for the test alert of the press; return its id."""
    while True:
        for standing in await bridge.list_alerts(5):
            if standing.alert.id not in known and standing.alert.button == button:
                return standing.alert.id
        await clock.sleep(LOOK_EVERY_S)


async def _settled(bridge: "Bridge", alert: "UUID", clock: "Clock") -> Mapping[str, Any]:
    """Wait until every message of the drill has left or failed; return all there is about it."""
    until_s = clock.now_s() + REACHED_S
    while True:
        shown = await bridge.show_alert(alert) or {"deliveries": []}
        states = [row["state"] for row in shown["deliveries"]]
        if clock.now_s() > until_s or (states and not UNDER_WAY & {*states}):
            return shown
        await clock.sleep(LOOK_EVERY_S)


def _fact(shown: Mapping[str, Any], button: "ButtonSettings") -> PressFact:
    """The times of a drill, counted from the moment when the finger went down."""
    alert: Alert = shown["standing"].alert
    return PressFact(
        at=now_at(),
        gesture=alert.gesture,
        reaction=button.gestures[alert.gesture].value,
        known_after_s=_since(alert, alert.received_at.timestamp()),
        reached=tuple(
            ReachedFact(
                channel=row["channel"],
                state=row["state"],
                after_s=None if row["sent_at"] is None else _since(alert, row["sent_at"]),
                detail=row["last_error"] or "",
            )
            for row in shown["deliveries"]
        ),
    )


def _since(alert: "Alert", at: float) -> float:
    return round(max(0.0, at - alert.pressed_at.timestamp()), 3)
