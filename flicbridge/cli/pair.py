"""`flicbridge pair`: make a Flic 2 one of ours."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flicbridge.cli.beside import refuse_two_worlds
from flicbridge.cli.pairing import Done, Wish, carry_out
from flicbridge.cli.pairings import is_paired, pairings, read_records
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
from flicbridge.errors import InputError

if TYPE_CHECKING:
    from flicbridge.config import Settings

type Json = dict[str, Any]


def pair(
    name: Annotated[
        str | None,
        typer.Argument(show_default=False, help="What the button is called. Asked for on a terminal."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=5, max=600, help="Seconds to wait for the button.")] = 60.0,
    again: Annotated[
        bool,
        typer.Option("--again", help="Pair anew what is paired already, or another button in its place."),
    ] = False,
    proof: Annotated[
        bool, typer.Option("--proof/--no-proof", help="Have the button pressed, to prove that it is heard.")
    ] = True,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the lines for the settings file instead of writing them.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Pair a Flic 2 with this bridge, write its serial number into the settings, prove that it is heard."""
    from flicbridge.config import default_path

    settings = settings_in(config)
    words = words_of(settings)
    button = _meant(settings, name, words)
    records = wait_for(read_records(settings.bridge.state_dir))
    before = next((known.serial for known in settings.buttons if known.name == button), "")
    if is_paired(before, records) and not again:
        _insist_on_again(button, before, words)
    refuse_two_worlds(settings)
    wish = Wish(
        settings=settings,
        button=button,
        before=before if is_paired(before, records) else "",
        others={name: kept for name, kept in pairings(settings, records).items() if name != button},
        file=None if only_print else config or default_path(),
        timeout_s=timeout,
        with_proof=proof,
        screen=console(to_stderr=only_print or as_json),
        words=words,
    )
    done = wait_for(carry_out(wish))
    if as_json:
        print_json(_json(wish, done))
    if proof and done.heard_after_s is None:
        raise typer.Exit(1)


def _meant(settings: "Settings", name: str | None, _: Translate) -> str:
    """The name of the button to pair.

    Raises:
        InputError: it cannot be told, or is no Flic.
    """
    from flicbridge.fields import slug
    from flicbridge.press.settings import Family

    flics = [button for button in settings.buttons if button.family is Family.FLIC2]
    if name is None:
        name = _asked_for([button.name for button in flics if not button.serial], _)
    if any(button.name == name for button in settings.buttons if button.family is Family.FLICD):
        said = _("{button} is paired with flicd, not with this bridge: while both run, hold it for 7 seconds")
        raise InputError(said.format(button=name))
    if any(button.name == name for button in settings.buttons if button not in flics):
        raise InputError(
            _(
                "the button {button} is no Flic that is paired with this bridge: there is nothing to pair"
            ).format(button=name)
        )
    try:
        return slug(name)
    except ValueError as error:
        raise InputError(str(error)) from error


def _asked_for(unpaired: list[str], _: Translate) -> str:
    """Ask for a name, proposing those of the settings that wait for a button.

    Raises:
        InputError: there is nobody to ask.
    """
    known = ", ".join(unpaired)
    if not sys.stdin.isatty():
        example = known or "poche"
        raise InputError(
            _("say which button this is: `flicbridge pair NAME`, such as {names}").format(names=example)
        )
    if unpaired:
        console(to_stderr=True).print(_("In the settings, not paired yet: {names}").format(names=known))
    default = unpaired[0] if unpaired else None
    return str(typer.prompt(_("What is this button called?"), default=default, err=True)).strip()


def _insist_on_again(button: str, serial: str, _: Translate) -> None:
    """Raise InputError unless a person on a terminal means it: a doctor may be carrying that button."""
    about = _("The button {button} is paired with this bridge already ({serial}).")
    said = about.format(button=button, serial=serial)
    if sys.stdin.isatty():
        console(to_stderr=True).print(said)
        if typer.confirm(_("Pair it again, or another button in its place?"), err=True):
            return
    remedy = _("To pair it again: `--again`. To let go of it: `flicbridge buttons forget {button}`.")
    raise InputError(f"{said} {remedy.format(button=button)}")


def _json(wish: Wish, done: Done) -> Json:
    from flicbridge.press.flic2.events import battery_percent

    paired = done.paired
    heard = None if done.heard_after_s is None else round(done.heard_after_s, 3)
    return {
        "button": wish.button,
        "serial": paired.pairing.serial,
        "address": paired.pairing.address,
        "firmware": paired.firmware,
        "battery_mv": paired.battery_mv,
        "battery_percent": battery_percent(paired.battery_mv),
        "rssi_dbm": paired.rssi_dbm,
        "written": wish.file is not None,
        "lines": done.lines,
        "proof": {"heard": heard is not None, "after_s": heard} if wish.with_proof else None,
        "bridge": done.taken_up,
    }
