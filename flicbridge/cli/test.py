"""`flicbridge test`: try out now whether a press would get through, and look at what was tried out before."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flicbridge.cli import phrases
from flicbridge.cli.asking import ask, ask_or_read, stored_drills, whereabouts_in
from flicbridge.cli.faults import FAILED
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    OfABridge,
    Translate,
    console,
    local,
    print_json,
    printable,
    table,
    words_of,
)
from flicbridge.errors import ApiError
from flicbridge.texts import N_

if TYPE_CHECKING:  # they cost more time than `--help` takes
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType

    from flicbridge.api.client import ApiClient

type Json = dict[str, Any]

POLL_S: Final = 0.5
# The bridge gives a message ten minutes; a little more, lest we give up first.
PATIENCE_S: Final = 660.0
LISTED: Final = 20


REFUSALS: Final[Mapping[str, str]] = {
    "not_agreed": N_("The settings have no [drills.{kind}]: nobody agreed to such a message."),
    "under_way": N_("Such a test is under way already."),
    "alert_open": N_("An alert is open: nobody is to get an EXERCISE now."),
    "rehearsal": N_("This bridge is a rehearsal itself: it holds no tests."),
}
"""Why the bridge says no, by the word it gives for that."""


class Kind(StrEnum):
    """What to try out."""

    SELF = "self"
    OWN = "own"
    EXERCISE = "exercise"


def try_out(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="self: a press to fake receivers inside the bridge, nobody is told. own: a real message to"
            " oneself. exercise: a real message to a recipient who agreed to it.",
        ),
    ] = Kind.SELF,
    list_: Annotated[
        bool, typer.Option("--list", help="Show what was tried out, and what is due when, instead.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Have the running bridge try itself out, and wait for the result. Exit code 0 if it passed, 1 if not."""
    where = whereabouts_in(config)
    if list_:
        _list(where, as_json=as_json)
        return
    _ = words_of(where)
    held = ask(where, lambda bridge: _held(bridge, kind, _))
    if as_json:
        print_json(held)
    else:
        screen = console()
        for block in _result(held, where.bridge.zone, _):
            screen.print(block)
    if not held["passed"]:
        raise typer.Exit(FAILED)


async def _held(bridge: "ApiClient", kind: Kind, _: Translate) -> Json:
    """Have a drill held, and wait until it has ended.

    Raises:
        ApiError: the bridge says no, ends meanwhile, or never ends the drill.
    """
    from flicbridge.clock import SystemClock

    clock = SystemClock()
    begun = await _begun(bridge, kind, _)
    until_s = clock.now_s() + PATIENCE_S
    while clock.now_s() < until_s:
        found = next((d for d in (await bridge.drills(LISTED))["drills"] if d["id"] == begun["id"]), begun)
        if found["result"] != "running":
            return dict(found)
        await clock.sleep(POLL_S)
    raise ApiError(_("There is no result yet; look later with `flicbridge test --list`."))


async def _begun(bridge: "ApiClient", kind: Kind, _: Translate) -> Json:
    """Have a drill begun. Raises ApiError: the bridge says no, which is said in the reader's language."""
    try:
        return await bridge.drill(kind)
    except ApiError as error:
        if (sentence := REFUSALS.get(error.code)) is None:
            raise
        text = _(sentence).format(kind=kind.value)
        raise ApiError(text, status=error.status, code=error.code) from error


def _result(held: Json, zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    yield phrases.labelled(phrases.drill(held["kind"], _), phrases.drill_result(held["result"], _), _)
    if held["detail"]:
        yield printable(held["detail"])
    if held["answered_at"]:
        who = phrases.actor(held["answered_by"], _)
        yield _("Answered by {who} at {time}").format(
            who=printable(who), time=local(held["answered_at"], zone)
        )
    if held["took_ms"]:
        yield _channels(held, _)
    if held["kind"] == Kind.SELF:
        yield _(
            "This told nobody. It does not prove that the radio hears the button, nor that a provider works."
        )
        yield _("That is proven by: a press with the gesture for tests, and `flicbridge test own`.")


def _channels(held: Json, _: Translate) -> "RenderableType":
    rows = table(_("Channel"), _("There after"))
    for channel, took_ms in held["took_ms"].items():
        rows.add_row(printable(channel), _("not at all") if took_ms is None else f"{took_ms:.0f} ms")
    return rows


def _list(where: OfABridge, *, as_json: bool) -> None:
    listed = ask_or_read(
        where, lambda bridge: bridge.drills(LISTED), lambda store: stored_drills(store, LISTED)
    )
    if as_json:
        print_json(listed)
        return
    zone, _ = where.bridge.zone, words_of(where)
    screen = console()
    screen.print(_history(listed["drills"], zone, _))
    for due in listed["due"]:
        time = local(due["due_at"], zone)
        screen.print(_("{drill}: due {time}").format(drill=phrases.drill(due["kind"], _), time=time))


def _history(drills: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    if not drills:
        return _("Nothing has been tried out yet.")
    rows = table(_("Time"), _("What"), _("Result"), _("Slowest"), _("Detail"))
    for drill in drills:
        took = [took_ms for took_ms in drill["took_ms"].values() if took_ms is not None]
        who = phrases.actor(drill["answered_by"], _) if drill["answered_by"] else ""
        rows.add_row(
            local(drill["began_at"], zone),
            phrases.drill(drill["kind"], _),
            phrases.drill_result(drill["result"], _),
            f"{max(took):.0f} ms" if took else "",
            printable(", ".join(filter(None, (who, drill["detail"])))),
        )
    return rows
