"""A room with a simulated radio and one simulated Flic 2 for each Flic 2 in the settings.

A button does not forget when the bridge restarts, so what it remembers is kept in `state_dir/simulated/`.
"""

from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from flicbridge.clock import Clock, SystemClock
from flicbridge.config.settings import Settings
from flicbridge.errors import InputError
from flicbridge.observation import Observe
from flicbridge.press.radio import Radio
from flicbridge.press.settings import Family, RadioSettings
from flicbridge.room import Finger, RadioRoom
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.power import VirtualPower
from flicbridge.simulator.world import VirtualWorld
from flicbridge.supervise import Start, alongside

SAVE_EVERY_S: Final = 1.0
USUAL: Final = RadioSettings()


@asynccontextmanager
async def open_simulated_room(
    settings: Settings, *, clock: Clock, observe: Observe
) -> AsyncGenerator[RadioRoom]:
    """Open the room; a button that was never paired is held until it is in public mode, as a person would.

    Raises:
        InputError: what the buttons remember cannot be kept.
    """
    folder = settings.bridge.state_dir / "simulated"
    flics = [button for button in settings.buttons if button.family is Family.FLIC2]
    duos = {button.name for button in flics if button.small_gestures}
    async with VirtualWorld() as world:
        with _kept_in(folder):
            buttons = await wake_buttons(world, [button.name for button in flics], folder, duos)
            _save(buttons, folder)
        background: dict[str, Start] = {"simulated-memory": partial(_remember, buttons, folder, clock)}
        background |= {
            f"hold:{name}": button.hold_7_seconds
            for name, button in buttons.items()
            if not button.flic2.memory.hosts
        }
        async with (
            alongside(**background),
            simulated_radio(world, buttons, clock=clock, observe=observe, wanted=settings.radio) as room,
        ):
            yield room


@asynccontextmanager
async def simulated_radio(
    world: VirtualWorld,
    buttons: Mapping[str, Peripheral],
    *,
    clock: Clock,
    observe: Observe,
    wanted: RadioSettings = USUAL,
) -> AsyncGenerator[RadioRoom]:
    """A bridge's radio in a world that is there already."""
    radio = Radio(
        world.radio.scanner,
        world.radio.client,
        clock=clock,
        observe=observe,
        power=VirtualPower(world.radio, clock=clock) if wanted.power_cycle else None,
        silence_s=wanted.silence.total_seconds(),
    )
    async with alongside(radio=radio.run):
        yield RadioRoom(radio, TEST_ROOT_PUBLIC, {name: _finger(button) for name, button in buttons.items()})


async def wake_buttons(
    world: VirtualWorld, names: Sequence[str], folder: Path, duos: Collection[str] = ()
) -> dict[str, Peripheral]:
    """Bring the buttons of these names into the world, with what they remember.

    Args:
        world: where to.
        names: of all of them.
        folder: where what they remember is kept.
        duos: which are made as Duos, if they remember nothing.
    """
    buttons = {}
    for name in names:
        state, away_s = _remembered(folder, name)
        buttons[name] = await world.add_button(name, duo=name in duos, state=state, away_s=away_s)
    return buttons


def _finger(button: Peripheral) -> Finger:
    async def press(script: Sequence[tuple[float, float]]) -> None:
        await button.press(list(script))

    return press


def _remembered(folder: Path, name: str) -> tuple[str | None, float]:
    """What a button remembers, and for how many seconds it was away: its clock goes on meanwhile."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None, 0.0
    away_s = SystemClock().now_at().timestamp() - path.stat().st_mtime
    return path.read_text(encoding="utf-8"), max(0.0, away_s)


async def _remember(buttons: Mapping[str, Peripheral], folder: Path, clock: Clock) -> None:
    """Write down what the buttons remember, often, and once more at the end."""
    try:
        while True:
            with _kept_in(folder):
                _save(buttons, folder)
            await clock.sleep(SAVE_EVERY_S)
    finally:
        with _kept_in(folder):
            _save(buttons, folder)


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Raise InputError instead of OSError: a simulated button without a memory is another one next time."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"what the simulated buttons remember cannot be kept in {folder} ({error.strerror}). Run this as"
            " a user who may write there, or name another state_dir in the settings"
        ) from error


def _save(buttons: Mapping[str, Peripheral], folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, button in buttons.items():
        path = folder / f"{name}.json"
        draft = path.with_suffix(".new")
        draft.write_text(button.to_json(), encoding="utf-8")
        draft.replace(path)
