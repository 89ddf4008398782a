"""The bridge tries itself out: a press inside this process, all the way, and nobody hears of it.

A second, small bridge is built from the same settings: same plan, same texts, same code of the transports,
a database on the same disk. Only its button is a virtual one, and every address outside is replaced by a fake
receiver on the loopback of this machine. It passes when the press came out at every receiver that the first
step of the plan tells at once. What no fake receiver speaks here is said, and is no failure.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from flicbridge.alert.desk import Reaction
from flicbridge.alert.drill import DrillKind, DrillResult, Found
from flicbridge.alert.drills import DrillsSettings
from flicbridge.alert.maintainer import MaintainerSettings
from flicbridge.api.settings import ApiSettings
from flicbridge.clock import Clock
from flicbridge.config.plan import plan_of
from flicbridge.config.settings import ButtonSettings, Settings
from flicbridge.house import Bridge
from flicbridge.press.settings import Family, FlicdSettings, RadioSettings
from flicbridge.supervise import alongside

if TYPE_CHECKING:
    from flicbridge.simulator.standins import Cast, StandIn

log = structlog.get_logger()

LIMIT_S: Final = 30.0
FOLDER: Final = "self-test-"
BUTTON: Final = "self-test"
GESTURE: Final = "single"
LOOPBACK: Final = "127.0.0.1"


class OpenBridge(Protocol):
    """How a bridge is built: `flicbridge.bridge.open_bridge`."""

    def __call__(
        self, settings: Settings, credentials: "Secrets", *, clock: Clock
    ) -> AbstractAsyncContextManager[Bridge]:
        """Build one."""
        ...


class Secrets(Protocol):
    """Finds secrets by name."""

    def get(self, name: str) -> str:
        """Return the secret. Raises ConfigError if there is none."""
        ...


async def self_test(settings: Settings, open_bridge: OpenBridge, *, clock: Clock) -> Found:
    """Try the bridge of these settings out; never raises, never takes longer than `LIMIT_S`."""
    took_ms: dict[str, float | None] = dict.fromkeys(told_at_once(settings))
    gaps: list[str] = []
    try:
        # What the small bridge logs is not to be taken for what the real one does.
        with structlog.contextvars.bound_contextvars(drill=DrillKind.SELF.value):
            async with asyncio.timeout(LIMIT_S):
                await _try(settings, open_bridge, clock, took_ms, gaps)
    except TimeoutError:
        missing = ", ".join(channel for channel, took in took_ms.items() if took is None)
        what = f"nothing arrived over {missing}" if missing else "all arrived, and it did not end"
        return Found(DrillResult.FAILED, f"{what} within {LIMIT_S:g} s", took_ms)
    except Exception as error:
        log.exception("self_test_failed")
        return Found(DrillResult.FAILED, _named(error), took_ms)
    return Found(DrillResult.PARTLY if gaps else DrillResult.OK, "; ".join(gaps), took_ms)


def told_at_once(settings: Settings) -> list[str]:
    """The channels over which somebody is told with the press."""
    return [route.channel for route in plan_of(settings).steps[0].routes if not route.turn]


async def _try(
    settings: Settings,
    open_bridge: OpenBridge,
    clock: Clock,
    took_ms: dict[str, float | None],
    gaps: list[str],
) -> None:
    """Press, and note in `took_ms` when which message was there, and in `gaps` what could not be tried."""
    async with (
        _folder(settings.bridge.state_dir, gaps) as folder,
        _receivers(settings, folder, clock) as cast,
    ):
        gaps += [_gap(cast.standins[channel]) for channel in took_ms if cast.standins[channel].is_stopgap]
        _insist_on_loopback(cast.settings)
        async with (
            open_bridge(cast.settings, cast.secrets, clock=clock) as bridge,
            alongside(bridge=bridge.run),
        ):
            await bridge.ready.wait()
            began_s = clock.now_s()
            await bridge.press(BUTTON, GESTURE)
            await _arrivals(cast.standins, took_ms, began_s, clock)


async def _arrivals(
    standins: "Mapping[str, StandIn]", took_ms: dict[str, float | None], began_s: float, clock: Clock
) -> None:
    async def arrival(channel: str) -> None:
        await standins[channel].gateway.wait_for(1, within_s=2 * LIMIT_S)  # the caller's limit comes first
        took_ms[channel] = round((clock.now_s() - began_s) * 1000, 1)

    async with asyncio.TaskGroup() as group:
        for channel in took_ms:
            group.create_task(arrival(channel), name=f"arrival:{channel}")


@asynccontextmanager
async def _receivers(settings: Settings, folder: Path, clock: Clock) -> "AsyncGenerator[Cast]":
    """Fake receivers, and the settings of the small bridge that lead there."""
    # Modules are read from disk once, and not while a press waits for the loop.
    await asyncio.to_thread(_import_fakes)
    from flicbridge.simulator.certificate import issue_aside
    from flicbridge.simulator.standins import standing_in

    await asyncio.to_thread(issue_aside, folder)

    async with standing_in(_small(settings), folder, clock) as cast:
        yield cast


def _import_fakes() -> None:
    import_module("flicbridge.simulator.standins")
    with suppress(ImportError):  # the mail server is made of a package that may be missing
        import_module("flicbridge.simulator.gateways.smtp")


def _small(settings: Settings) -> Settings:
    """The same settings with one virtual button, and without all that reaches elsewhere."""
    button = ButtonSettings(name=BUTTON, family=Family.VIRTUAL, gestures={GESTURE: Reaction.ALERT})
    return settings.model_copy(
        update={
            "alerts": settings.alerts.model_copy(update={"duress_pin": None}),
            "api": ApiSettings(),
            "buttons": (button,),
            "drills": DrillsSettings(self_test="off"),
            "flicd": FlicdSettings(),
            "maintainer": MaintainerSettings(),
            "radio": RadioSettings(),
        }
    )


def _insist_on_loopback(settings: Settings) -> None:
    """Raise RuntimeError rather than let an alert that nobody called for leave this machine."""
    for recipient in settings.recipients:
        for options in recipient.channels:
            reach = options.reach()
            if reach is None or reach.host != LOOPBACK:
                raise RuntimeError("a channel of the self-test leads elsewhere")


def _gap(standin: "StandIn") -> str:
    return f"{standin.channel}: no fake receiver for {standin.transport} here, its own code was not tried"


@asynccontextmanager
async def _folder(state_dir: Path, gaps: list[str]) -> AsyncGenerator[Path]:
    """A folder beside the database; elsewhere if that disk refuses, for an alert would leave all the same.

    Made and removed beside the loop: a press must not wait for that.
    """
    await asyncio.to_thread(_sweep, state_dir)
    try:
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix=FOLDER, dir=state_dir)
    except OSError as error:
        gaps.append(f"not on the disk of the database: {error.strerror}")
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix=FOLDER)
    try:
        yield Path(folder)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _sweep(state_dir: Path) -> None:
    """Remove what a self-test left behind that was cut off."""
    for left in state_dir.glob(f"{FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)


def _named(error: Exception) -> str:
    """What broke, without what a stranger's message may say."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
