"""Asking for the PIN, which never stands on a command line: others could read it there."""

import sys
from typing import TYPE_CHECKING

import typer

from flicbridge.cli.shared import words_of

if TYPE_CHECKING:
    from flicbridge.config import Settings


def asked_pin(settings: "Settings") -> str | None:
    """The PIN that somebody types unseen, or that a program writes to our input; None if none is asked for.

    An empty one is as wrong as any other, and nothing here says so.
    """
    return None if settings.alerts.duress_pin is None else typed_pin(settings)


def typed_pin(settings: "Settings") -> str:
    """What somebody types unseen, or a program writes to our input."""
    _ = words_of(settings)
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(_("PIN"), default="", hide_input=True, show_default=False, err=True)).strip()
