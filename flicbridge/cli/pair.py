"""`flicbridge pair`: make a Flic 2 one of ours."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flicbridge.cli.asking import ask
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    Translate,
    console,
    print_json,
    settings_in,
    wait_for,
    words_of,
)
from flicbridge.errors import ApiError, InputError

if TYPE_CHECKING:
    from flicbridge.config import Settings
    from flicbridge.outbox.store import Store
    from flicbridge.press.flic2.pair import PairedButton, Progress


def pair(
    name: Annotated[
        str | None, typer.Argument(show_default=False, help="Which button of the settings this is.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=5, max=600, help="Seconds to wait for the button.")] = 60.0,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the lines for the settings file instead of writing them.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Pair a Flic 2 with this bridge, and write its serial number into the settings."""
    settings = settings_in(config)
    button = _meant(settings, name)
    paired = wait_for(_pair(settings, timeout, words_of(settings)))
    lines = _settings_lines(settings, button, paired.pairing.serial, config, only_print=only_print)
    if as_json:
        print_json(
            {
                "button": button,
                "serial": paired.pairing.serial,
                "address": paired.pairing.address,
                "firmware": paired.firmware,
                "battery_mv": paired.battery_mv,
                "written": not only_print,
                "lines": lines,
            }
        )
        return
    _tell(settings, paired, lines, only_print=only_print)


def _meant(settings: "Settings", name: str | None) -> str:
    """The name of the button to pair.

    Raises:
        InputError: it cannot be told, or is no Flic.
    """
    from flicbridge.fields import slug
    from flicbridge.press.settings import Family

    flics = [button for button in settings.buttons if button.family is Family.FLIC2]
    if name is None:
        candidates = [button.name for button in flics if not button.serial] or [b.name for b in flics]
        if len(candidates) == 1:
            return candidates[0]
        known = f", one of {', '.join(candidates)}" if candidates else ", such as `flicbridge pair poche`"
        raise InputError(f"say which button this is: `flicbridge pair NAME`{known}")
    if any(button.name == name for button in settings.buttons if button not in flics):
        raise InputError(f'button "{name}" is a virtual one: there is nothing to pair')
    try:
        return slug(name)
    except ValueError as error:
        raise InputError(str(error)) from error


async def _pair(settings: "Settings", timeout_s: float, _: Translate) -> "PairedButton":
    """Pair, and keep the pairing before anything else happens."""
    import asyncio

    from flicbridge.clock import LoopClock
    from flicbridge.outbox.store import Store
    from flicbridge.press.flic2 import pair
    from flicbridge.room import open_room

    clock = LoopClock(asyncio.get_running_loop())
    # Opened first: a button that believes itself paired, with a bridge that has forgotten it, helps nobody.
    path = _database(settings.bridge.state_dir)
    store = Store.open(path)
    try:
        async with open_room(settings, clock=clock, observe=lambda _observation: None) as room:
            paired = await pair.pair(
                room.radio,
                root_key=room.root_key,
                clock=clock,
                timeout_s=timeout_s,
                on_progress=lambda progress: _guide(progress, _),
            )
            await _keep(store, paired)
            return paired
    finally:
        await store.close()
        _hand_over(path)


def _database(state_dir: Path) -> Path:
    from flicbridge.bridge import DATABASE

    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot use the folder {state_dir}: {error.strerror}. "
            "Run this as the user that runs the bridge, or name another folder as state_dir."
        ) from error
    return state_dir / DATABASE


async def _keep(store: "Store", paired: "PairedButton") -> None:
    from flicbridge.press.flic2 import record

    # With its counters, or the press that paired the button would be taken for a call for help.
    await store.put_pairing(paired.pairing.serial, record.to_json(paired.pairing), paired.resume)


def _hand_over(path: Path) -> None:
    """Give a database that root has made to the owner of its folder: the bridge runs as that user."""
    if not hasattr(os, "chown") or os.geteuid() != 0:
        return
    owner = path.parent.stat()
    for file in path.parent.glob(f"{path.name}*"):
        os.chown(file, owner.st_uid, owner.st_gid)


def _guide(progress: "Progress", _: Translate) -> None:
    """Tell the person at the button what to do."""
    from flicbridge.press.flic2.pair import Progress

    words = {
        Progress.LOOKING: _(
            "Hold the button for about 7 seconds, close to this computer, until it flashes quickly."
        ),
        Progress.CONNECTED_ELSEWHERE: _(
            "The button is connected to another device: disconnect it there, or switch Bluetooth off there."
        ),
        Progress.CONNECTING: _("A button was found; connecting."),
        Progress.PROVING: _("The button proves that it is genuine."),
        Progress.PAIRED: _("The button accepted."),
    }
    console(to_stderr=True).print(words[progress])


def _settings_lines(
    settings: "Settings", button: str, serial: str, config: Path | None, *, only_print: bool
) -> list[str]:
    """The lines about the button in the settings file, written there unless they shall only be printed."""
    from flicbridge.config import default_path
    from flicbridge.config.write import button_lines, write_serial

    if not only_print:
        return write_serial(config or default_path(), button, serial)
    is_there = any(known.name == button for known in settings.buttons)
    return [f'serial = "{serial}"'] if is_there else button_lines(button, serial)


def _tell(settings: "Settings", paired: "PairedButton", lines: list[str], *, only_print: bool) -> None:
    _ = words_of(settings)
    screen = console(to_stderr=only_print)
    about = _("Paired: {serial}, firmware {firmware}, battery {battery_mv} mV.")
    screen.print(
        about.format(serial=paired.pairing.serial, firmware=paired.firmware, battery_mv=paired.battery_mv)
    )
    screen.print(_("Add to the settings:") if only_print else _("Written into the settings:"))
    for line in lines:
        console().print(line)
    try:
        ask(settings, lambda bridge: bridge.status())
    except ApiError:
        return
    screen.print(_("Restart the bridge, so that it listens to this button."))
