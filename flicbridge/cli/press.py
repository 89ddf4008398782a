"""`flicbridge press`: press a virtual button."""

from typing import Annotated

import typer

from flicbridge.cli.asking import ask, whereabouts_in
from flicbridge.cli.faults import FAILED
from flicbridge.cli.shared import AsJson, ConfigFile, Translate, console, print_json, words_of


def press(
    name: Annotated[str, typer.Argument(help="The button's name in the settings.")],
    gesture: Annotated[
        str, typer.Option("--gesture", metavar="GESTURE", help="What the fingers do.")
    ] = "single",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Press a virtual button of the running bridge; returns once the press is safely on disk."""
    where = whereabouts_in(config)
    taken = ask(where, lambda bridge: bridge.press(name, gesture))
    _ = words_of(where)
    if as_json:
        print_json(taken)
    else:
        console().print(_effect(taken["effect"], _).format(alert=taken["alert_id"]))
    if not taken["safe"]:
        # The alert goes out from memory all the same, but a crash would lose it.
        console(to_stderr=True).print(_("The disk refused to keep this press: see `flicbridge status`."))
        raise typer.Exit(FAILED)


def _effect(effect: str, _: Translate) -> str:
    match effect:
        case "raised":
            return _("Alert raised: {alert}")
        case "joined":
            return _("The press joined the open alert {alert}")
        case "cancelled":
            return _("Alert cancelled: {alert}")
        case "acknowledged":
            return _("Alert acknowledged: {alert}")
        case "known":
            return _("This press is known already, from alert {alert}")
        case other:
            return _("The press changed nothing.") if other == "nothing" else other
