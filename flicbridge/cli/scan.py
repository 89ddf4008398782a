"""`flicbridge scan`: which Flic buttons are in reach."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flicbridge.cli import measures
from flicbridge.cli.pairings import pairings, read_records
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    Translate,
    console,
    print_json,
    settings_in,
    table,
    wait_for,
    words_of,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flicbridge.config import Settings
    from flicbridge.press.flic2.pair import SeenFlic


def scan(
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to look.")] = 10.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the Flic buttons in reach. One that nobody presses, or that is connected, may be silent."""
    settings = settings_in(config)
    kept = pairings(settings, wait_for(read_records(settings.bridge.state_dir)))
    names = {pairing.address.upper(): name for name, pairing in kept.items()}
    found = wait_for(_seen(settings, seconds, names))
    if as_json:
        print_json({"buttons": [{**asdict(flic), "name": names.get(flic.address)} for flic in found]})
    else:
        console().print(_table(found, names, words_of(settings)))


async def _seen(settings: "Settings", seconds: float, names: Mapping[str, str]) -> "list[SeenFlic]":
    import asyncio

    from flicbridge.clock import LoopClock
    from flicbridge.press.flic2 import pair
    from flicbridge.room import open_room

    clock = LoopClock(asyncio.get_running_loop())
    async with open_room(settings, clock=clock, observe=lambda _observation: None) as room:
        return await pair.scan(room.radio, seconds, clock=clock, known=names)


def _table(found: "list[SeenFlic]", names: Mapping[str, str], _: Translate) -> "RenderableType":
    if not found:
        return _("No Flic button was seen. Press one, close to this computer, and look again.")
    rows = table(_("Address"), _("Button"), _("Signal"), _("State"))
    for flic in found:
        name = names.get(flic.address, "")
        rows.add_row(flic.address, name, measures.signal(flic.rssi_dbm, _), _state(flic, _))
    return rows


def _state(flic: "SeenFlic", _: Translate) -> str:
    if flic.is_twist:
        return _("a Flic Twist, which cannot call for help")
    if flic.is_public:
        return _("ready to be paired")
    if flic.is_known:
        return _("paired")
    return _("connected to another device") if flic.is_connected_elsewhere else _("not in pairing mode")
