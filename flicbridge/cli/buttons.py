"""`flicbridge buttons ...`: which buttons there are, and what an installer does with them."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flicbridge.cli import measures, phrases
from flicbridge.cli.asking import ask
from flicbridge.cli.beside import outcome, refuse_two_worlds, take_up
from flicbridge.cli.pairings import is_paired, opened_store, pairings, read_records
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    Translate,
    console,
    local,
    print_json,
    settings_in,
    table,
    wait_for,
    words_of,
)
from flicbridge.errors import ApiError, InputError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType

    from flicbridge.config import ButtonSettings, Settings
    from flicbridge.outbox.button import ButtonRecord

type Json = dict[str, Any]

app = typer.Typer(no_args_is_help=True, help="Which buttons there are, and how well they are heard.")

NAME_HELP = "What the button is called."
FACTS = ("link", "battery_mv", "battery_percent", "firmware", "rssi_dbm", "last_heard")
"""What is known of a button beyond the settings, as the bridge observes it."""


# ---- list


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the buttons: what the running bridge knows of them, or else what was last known."""
    settings = settings_in(config)
    _ = words_of(settings)
    try:
        shown = _as_running(settings, ask(settings, lambda bridge: bridge.status())["buttons"])
    except ApiError as error:
        if error.status is not None:
            raise
        console(to_stderr=True).print(str(error), _("What follows is from its database."))
        shown = wait_for(_as_stored(settings))
    if as_json:
        print_json({"buttons": shown})
    else:
        console().print(_table(shown, settings.bridge.zone, _))


def _as_running(settings: "Settings", status: list[Json]) -> list[Json]:
    known = {button["name"]: button for button in status}
    return [
        _shown(button, known.get(button.name, {}), paired=known.get(button.name, {}).get("paired", False))
        for button in settings.buttons
    ]


async def _as_stored(settings: "Settings") -> list[Json]:
    """The same from the database, with pairings that the settings do not mention at the end."""
    from flicbridge.press.settings import Family

    records = await read_records(settings.bridge.state_dir)
    facts = await _remembered(settings.bridge.state_dir)
    shown = [
        _shown(
            button,
            {fact: value for fact, value in facts.get(button.name, {}).items() if fact != "link"},
            paired=button.family is not Family.FLIC2 or is_paired(button.serial, records),
        )
        for button in settings.buttons
    ]
    strays = [serial for serial in records if is_paired(serial, records)]
    mentioned = {button.serial for button in settings.buttons}
    return shown + [_stray(serial) for serial in strays if serial not in mentioned]


async def _remembered(state_dir: Path) -> dict[str, Json]:
    """What the database remembers of each button, by name."""
    from flicbridge.bridge import DATABASE
    from flicbridge.outbox.store import Store

    if not (state_dir / DATABASE).exists():
        return {}
    store = Store.open_read_only(state_dir / DATABASE)
    try:
        facts: dict[str, Json] = {}
        for observation, _at in await store.observations():
            part, _colon, name = observation.subject.partition(":")
            if part == "button":
                facts.setdefault(name, {})[observation.fact] = observation.value
        return facts
    finally:
        await store.close()


def _shown(button: "ButtonSettings", facts: Mapping[str, Any], *, paired: bool) -> Json:
    from flicbridge.press.settings import Family

    return {
        "name": button.name,
        "family": button.family.value,
        "serial": button.serial,
        "paired": paired,
        "link_mode": button.link.value if button.family is Family.FLIC2 else None,
        **{fact: facts.get(fact) for fact in FACTS},
    }


def _stray(serial: str) -> Json:
    known = {"name": None, "family": "flic2", "serial": serial, "paired": True, "link_mode": None}
    return {**known, **dict.fromkeys(FACTS)}


def _table(shown: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    rows = table(
        _("Button"), _("Family"), _("Serial"), _("State"), _("Link mode"),
        _("Battery"), _("Firmware"), _("Signal"), _("Last heard"),
    )  # fmt: skip
    for button in shown:
        rows.add_row(
            button["name"] or _("(not in the settings)"),
            button["family"],
            button["serial"],
            _state(button, _),
            _link_mode(button["link_mode"], _),
            "" if button["battery_mv"] is None else measures.battery(button["battery_mv"], _),
            "" if button["firmware"] is None else f"{button['firmware']:.0f}",
            "" if button["rssi_dbm"] is None else measures.signal(button["rssi_dbm"], _),
            local(button["last_heard"], zone),
        )
    return rows


def _state(button: Json, _: Translate) -> str:
    if button["family"] == "virtual":
        return ""
    if not button["paired"]:
        return _("not paired")
    return phrases.link(button["link"], _) if button["link"] else _("paired")


def _link_mode(mode: str | None, _: Translate) -> str:
    if mode is None:
        return ""
    return {"always": _("always connected"), "on_press": _("connects on a press")}.get(mode, mode)


# ---- forget and rename


@app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(help="What the button is called, or its serial number.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Erase the pairing with a button. What it told so far stays; pair it again and it goes on."""
    from flicbridge.config import default_path
    from flicbridge.config.write import remove_serial

    settings = settings_in(config)
    _ = words_of(settings)
    button, serial = _paired_button(settings, wait_for(read_records(settings.bridge.state_dir)), name, _)
    if not yes:
        _insist(_("{button} ({serial}) will not be heard any more. Forget it?"), button or serial, serial, _)
    wait_for(_erase(settings.bridge.state_dir, button, serial))
    if button is not None:
        remove_serial(config or default_path(), button)
    screen = console()
    screen.print(_("Forgotten: {serial}. Its alerts stay in the history.").format(serial=serial))
    _tell_bridge(settings, button or serial, _)


def _paired_button(
    settings: "Settings", records: "Mapping[str, ButtonRecord]", name: str, _: Translate
) -> tuple[str | None, str]:
    """The name, if the settings know it, and the serial number of a button that is to be forgotten.

    Raises:
        InputError: there is nothing to forget.
    """
    for button in settings.buttons:
        if name in (button.name, button.serial):
            if button.serial:
                return button.name, button.serial
            raise InputError(
                _("the button {button} is not paired: there is nothing to forget").format(button=button.name)
            )
    if is_paired(name.upper(), records):
        return None, name.upper()
    raise _unknown(settings, name, _)


async def _erase(state_dir: Path, button: str | None, serial: str) -> None:
    async with opened_store(state_dir) as store:
        await store.forget_pairing(serial)
        if button is not None:
            await store.forget_subject(f"button:{button}")


@app.command("rename")
def rename(
    old: Annotated[str, typer.Argument(help=NAME_HELP)],
    new: Annotated[str, typer.Argument(help="What it is to be called.")],
    config: ConfigFile = None,
) -> None:
    """Call a button by another name, wherever the settings speak of it. Past alerts keep the old one."""
    from flicbridge.config import default_path
    from flicbridge.config.write import rename_button
    from flicbridge.fields import slug

    settings = settings_in(config)
    _ = words_of(settings)
    if all(button.name != old for button in settings.buttons):
        raise _unknown(settings, old, _)
    try:
        new = slug(new)
    except ValueError as error:
        raise InputError(str(error)) from error
    places = rename_button(config or default_path(), old, new)
    wait_for(_rename_what_is_known(settings.bridge.state_dir, old, new))
    text = _("{old} is called {new} now (changed in the settings: {places}). Past alerts keep the old name.")
    console().print(text.format(old=old, new=new, places=places))
    _tell_bridge(settings, new, _)


async def _rename_what_is_known(state_dir: Path, old: str, new: str) -> None:
    from flicbridge.bridge import DATABASE

    memory = state_dir / "simulated" / f"{old}.json"
    if memory.exists():  # a simulated button stays who it is
        memory.replace(memory.with_name(f"{new}.json"))
    if (state_dir / DATABASE).exists():
        async with opened_store(state_dir) as store:
            await store.rename_subject(f"button:{old}", f"button:{new}")


def _insist(question: str, button: str, serial: str, _: Translate) -> None:
    """Ask before something is lost.

    Raises:
        InputError: there is nobody to ask.
        typer.Abort: the answer was no.
    """
    if not sys.stdin.isatty():
        raise InputError(_("nobody can be asked here: add --yes"))
    typer.confirm(question.format(button=button, serial=serial), abort=True, err=True)


def _tell_bridge(settings: "Settings", button: str, _: Translate) -> None:
    """Have a running bridge take the change up, and say what came of it."""
    from flicbridge.api.client import ApiClient

    taken_up = wait_for(take_up(ApiClient(settings.bridge.state_dir)))
    if taken_up is not None:
        console().print(outcome(taken_up, button, _))


def _unknown(settings: "Settings", name: str, _: Translate) -> InputError:
    known = ", ".join(button.name for button in settings.buttons)
    return InputError(_("no button is called {name}; there are: {known}").format(name=name, known=known))


# ---- signal


@app.command("signal")
def signal(
    name: Annotated[
        str | None,
        typer.Argument(show_default=False, help="What the button is called. Default: all of them."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, max=86400, show_default=False, help="Stop by itself after so long.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Walk the rooms with a button and see where it is heard. Enter marks a room, Ctrl-C ends it."""
    from flicbridge.cli import walk

    settings = settings_in(config)
    _ = words_of(settings)
    kept = pairings(settings, wait_for(read_records(settings.bridge.state_dir)))
    if name is not None:
        if all(button.name != name for button in settings.buttons):
            raise _unknown(settings, name, _)
        kept = {button: pairing for button, pairing in kept.items() if button == name}
    if not kept:
        raise InputError(_("there is no paired button to listen for: run `flicbridge pair` first"))
    refuse_two_worlds(settings)
    wish = walk.Walk(settings, kept, seconds, console(to_stderr=as_json), _)
    found = wait_for(walk.walk(wish))
    if as_json:
        print_json({"rooms": [walk.as_json(each) for each in found]})
        return
    for block in walk.summary(found, _):
        console().print(block)
