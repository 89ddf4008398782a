"""Asking for the PIN, which never stands on a command line: others could read it there."""

import sys
from typing import TYPE_CHECKING

import typer

from flicbridge.cli.shared import OfABridge, words_of

if TYPE_CHECKING:
    from flicbridge.config.whereabouts import Whereabouts


def asked_pin(where: "Whereabouts") -> str | None:
    """The PIN that somebody types unseen, or that a program writes to our input; None if none is asked for.

    An empty one is as wrong as any other, and nothing here says so. A bridge without one takes anything.
    """
    return typed_pin(where) if where.may_have_pin else None


def typed_pin(where: OfABridge) -> str:
    """What somebody types unseen, or a program writes to our input."""
    _ = words_of(where)
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(_("PIN"), default="", hide_input=True, show_default=False, err=True)).strip()
