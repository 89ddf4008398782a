"""A Twist in reach is shown as what it is, so that nobody tries to pair it."""

import io

from rich.console import Console

from flicbridge.cli.scan import _table
from flicbridge.press.flic2.pair import SeenFlic
from flicbridge.texts import translator


def test_a_twist_is_shown_as_one() -> None:
    twist = SeenFlic("80:E4:DA:77:00:01", -60, False, False, False, is_twist=True)
    button = SeenFlic("80:E4:DA:70:00:01", -60, True, False, False)
    screen = io.StringIO()
    Console(file=screen, width=200).print(_table([twist, button], {}, translator("en").gettext))
    (line,) = (line for line in screen.getvalue().splitlines() if twist.address in line)
    assert "a Flic Twist, which cannot call for help" in line
    assert "ready to be paired" not in line
    assert screen.getvalue().count("Twist") == 1
