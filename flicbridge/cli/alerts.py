"""`flicbridge alerts`: what was called, who was told, and what people did about it."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flicbridge.cli import phrases
from flicbridge.cli.asking import ask, ask_or_read, stored_alert, stored_alerts, whereabouts_in
from flicbridge.cli.pin import asked_pin, typed_pin
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    Translate,
    console,
    local,
    print_json,
    printable,
    table,
    words_of,
)
from flicbridge.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType

type Json = dict[str, Any]

# A press that is no longer ago need not be told with its age.
AGED_S: Final = 60.0

AlertId = Annotated[str, typer.Argument(metavar="ID", help="The alert's id, or how it begins.")]

app = typer.Typer(help="Look at alerts, acknowledge them, cancel them, close them.", no_args_is_help=True)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 20,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the newest alerts, newest first."""
    where = whereabouts_in(config)
    alerts = ask_or_read(
        where, lambda bridge: bridge.alerts(limit), lambda store: stored_alerts(store, limit)
    )
    if as_json:
        print_json({"alerts": alerts})
    else:
        console().print(_table(alerts, where.bridge.zone, words_of(where)))


@app.command()
def show(
    alert: AlertId,
    config: ConfigFile = None,
    as_json: AsJson = False,
    with_pin: Annotated[
        bool, typer.Option("--pin", help="Ask for the PIN, and show cancellations that were not believed.")
    ] = False,
) -> None:
    """Show all there is about one alert, in the order it happened."""
    where = whereabouts_in(config)
    if with_pin:
        pin = typed_pin(where)
        shown = ask(where, lambda bridge: bridge.reveal(alert, pin))
    else:
        asks_pin = where.may_have_pin
        shown = ask_or_read(
            where,
            lambda bridge: bridge.alert(alert),
            lambda store: stored_alert(store, alert, asks_pin=asks_pin),
        )
    if as_json:
        print_json(shown)
        return
    screen = console()
    for block in _story(shown, where.bridge.zone, words_of(where)):
        screen.print(block)


@app.command()
def ack(alert: AlertId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Acknowledge an alert: somebody is on it, later steps of the plan are skipped."""
    where = whereabouts_in(config)
    pin = asked_pin(where)
    moved = ask(where, lambda bridge: bridge.move(alert, "acknowledge", pin=pin))
    _ = words_of(where)
    _report(moved, _("Alert acknowledged: {alert}"), as_json=as_json)


@app.command()
def cancel(alert: AlertId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Cancel an alert: everybody who was told is told that help is not needed."""
    where = whereabouts_in(config)
    pin = asked_pin(where)
    moved = ask(where, lambda bridge: bridge.move(alert, "cancel", pin=pin))
    _ = words_of(where)
    _report(moved, _("Alert cancelled: {alert}"), as_json=as_json)


@app.command()
def close(alert: AlertId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Close an alert that is over, such as one that was settled by telephone: nobody is told."""
    where = whereabouts_in(config)
    _ = words_of(where)
    try:
        moved = ask(where, lambda bridge: bridge.move(alert, "close"))
    except ApiError as error:
        if error.status != HTTPStatus.CONFLICT or not where.may_have_pin:
            raise
        only = _(
            "Where a PIN is configured, only helpers close an emergency; with the PIN,"
            " `flicbridge alerts cancel {alert}` ends it."
        ).format(alert=alert)
        raise ApiError(f"{error} {only}", status=error.status) from error
    _report(moved, _("Alert closed: {alert}"), as_json=as_json)


def _report(moved: Json, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(moved)
    else:
        console().print(sentence.format(alert=moved["alert_id"]))


def _table(alerts: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    if not alerts:
        return _("There is no alert.")
    rows = table(_("Id"), _("Pressed at"), _("Kind"), _("State"), _("Button"), _("Presses"))
    for alert in alerts:
        rows.add_row(
            alert["id"][:8],
            local(alert["pressed_at"], zone),
            phrases.kind(alert["kind"], _),
            phrases.state(alert["state"], _, alert_kind=alert["kind"]),
            f"{printable(alert['button'])} ({printable(alert['gesture'])})",
            str(alert["presses"]),
        )
    return rows


def _story(alert: Json, zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    yield _("Alert {id}").format(id=alert["id"])
    standing = phrases.state(alert["state"], _, alert_kind=alert["kind"])
    yield phrases.labelled(phrases.kind(alert["kind"], _), standing, _)
    yield printable(", ".join(filter(None, (*alert["doctor"].values(), *alert["practice"].values()))))
    if alert["position"] is not None:
        yield printable(alert["position"]["geo"])
    if alert["was_queued"]:
        age = phrases.duration(alert["late_s"], _)
        yield _("The button kept this press for {age} before it could be heard.").format(age=age)
    yield _facts(alert, zone, _)
    timeline = table(_("Time"), _("What"), _("Who"), _("Detail"))
    lines = [*_history(alert, _), *_attempts(alert, _), *_unsent(alert, _)]
    for at, *cells in sorted(lines, key=lambda line: line[0]):
        timeline.add_row(local(at, zone), *map(printable, cells))
    yield timeline


def _facts(alert: Json, zone: "ZoneInfo", _: Translate) -> "RenderableType":
    """The five facts, one below the other: nothing follows from one to the next."""
    rows = table(_("Fact"), _("Time"), _("Who"), _("Their clock"))
    for name, fact in alert["facts"].items():
        if fact is None:
            rows.add_row(phrases.fact(name, _), _("not yet"), "", "")
            continue
        who = fact.get("channel") or phrases.actor(fact["by"], _)
        theirs = fact.get("provider_at") or fact.get("said_at")
        what = phrases.happening(fact["what"], _) if name == "doubt_cleared" else phrases.fact(name, _)
        rows.add_row(
            what,
            local(fact["at"], zone),
            printable(who),
            "" if theirs is None else local(theirs, zone),
        )
    return rows


type Line = tuple[str, str, str, str]
"""A time as RFC 3339 (of one length and in UTC, so that lines can be sorted), and three cells."""


def _history(alert: Json, _: Translate) -> "Iterator[Line]":
    for event in alert["history"]:
        who = phrases.actor(event["by"], _, reached=event["what"] == "notified")
        yield event["at"], phrases.happening(event["what"], _), who, phrases.way(event["way"], _)


def _attempts(alert: Json, _: Translate) -> "Iterator[Line]":
    deliveries = {delivery["id"]: delivery for delivery in alert["deliveries"]}
    for attempt in alert["attempts"]:
        delivery = deliveries[attempt["delivery"]]
        age_s = attempt.get("age_s") or 0.0  # nobody can tell, or a bridge of an older version does not
        aged = _("press {age} ago").format(age=phrases.duration(age_s, _)) if age_s >= AGED_S else ""
        detail = " ".join(filter(None, (f"{attempt['took_s']:.2f} s", attempt["detail"], aged)))
        yield (
            attempt["at"],
            _message(delivery, phrases.outcome(attempt["outcome"], _), _),
            delivery["channel"],
            detail,
        )


def _unsent(alert: Json, _: Translate) -> "Iterator[Line]":
    """Messages still to be sent, or never sent and never tried; of reminders the first, and how many."""
    tried = {attempt["delivery"] for attempt in alert["attempts"] if attempt["outcome"] == "withdrawn"}
    alike: dict[tuple[str, ...], list[Json]] = {}
    for delivery in alert["deliveries"]:
        if delivery["state"] in ("reserve", "queued", "sending", "withdrawn") and delivery["id"] not in tried:
            number = "" if delivery["purpose"] == "reminder" else delivery["id"]
            alike.setdefault((delivery["channel"], delivery["state"], number), []).append(delivery)
    for deliveries in alike.values():
        first = min(deliveries, key=lambda delivery: str(delivery["due_at"]))
        state = phrases.delivery(first["state"], _)
        times = f"{len(deliveries)}×" if len(deliveries) > 1 else ""
        yield first["due_at"], _message(first, state, _), first["channel"], times


def _message(delivery: Json, became: str, _: Translate) -> str:
    return phrases.labelled(phrases.purpose(delivery["purpose"], _), became, _)
