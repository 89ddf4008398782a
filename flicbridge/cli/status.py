"""`flicbridge status`: am I protected right now?"""

from typing import TYPE_CHECKING, Any

from flicbridge.cli import phrases
from flicbridge.cli.asking import ask
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    Translate,
    console,
    local,
    print_json,
    printable,
    settings_in,
    table,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType

type Json = dict[str, Any]


def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how the running bridge is doing. Exit code 0 while it answers."""
    settings = settings_in(config)
    report = ask(settings, lambda bridge: bridge.status())
    if as_json:
        print_json(report)
        return
    screen = console()
    for block in _blocks(report, settings.bridge.zone, words_of(settings)):
        screen.print(block)


def _blocks(report: Json, zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    bridge = report["bridge"]
    running = _("Bridge {id}, flicbridge {version}, running for {duration}")
    yield running.format(**bridge, duration=phrases.duration(bridge["uptime_s"], _))
    if bridge["rehearsal"]:
        yield _("REHEARSAL: nothing is sent.")
    yield from _problems(report["problems"], zone, _)
    yield from _radio(report["radio"], zone, _)
    yield _buttons(report["buttons"], zone, _)
    yield _channels(report["channels"], zone, _)
    outbox = report["outbox"]
    yield _("Messages waiting: {queued}, under way: {sending}").format(**outbox)
    for alert in report["open_alerts"]:
        yield _("Open alert: {alert}").format(alert=alert)


def _problems(problems: list[Json], zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    from rich.text import Text

    if not problems:
        yield Text(_("No problem is known."), style="green")
    for found in problems:
        part, problem = phrases.part(found["part"], _), phrases.problem(found["problem"], _)
        said = phrases.labelled(part, problem, _)
        detail = f" ({printable(found['detail'])})" if found["detail"] else ""
        since = _(", since {time}").format(time=local(found["since"], zone)) if found["since"] else ""
        yield Text(f"{said}{detail}{since}{_how_often(found, zone, _)}", style="bold red")


def _how_often(found: Json, zone: "ZoneInfo", _: Translate) -> str:
    """Of what happens again and again; a bridge of an older version does not say it."""
    if not found.get("times"):
        return ""
    last = local(found.get("last"), zone)
    return _(", seen {times}×, last {time}").format(times=found["times"], time=last)


def _radio(radio: Json, zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    """How the radio is, and what it last did about hearing nothing."""
    if radio["state"] == "unused":
        return
    state = phrases.radio(radio["state"], _)
    if heard := radio.get("last_heard"):
        state += _(", last heard something {time}").format(time=local(heard, zone))
    yield phrases.labelled(phrases.part("radio", _), state, _)
    if step := radio.get("step"):
        what = phrases.radio_step(step, _)
        if step == "not_power_cycled" and (outcome := radio.get("power_cycle")):
            what += f" ({phrases.power_cycle(outcome, _)})"
        when = local(radio.get("step_at"), zone)
        yield _("Last repair of the radio, {time}: {what}").format(time=when, what=what)


def _link(button: Json, zone: "ZoneInfo", _: Translate) -> str:
    """How a button is connected, and of one that sleeps when it last proved to be there."""
    if not button["paired"]:
        return phrases.link("not_paired", _)
    state = phrases.link(button.get("link", ""), _)
    if button.get("link") == "asleep" and (heard := button.get("last_heard")):
        state += _(", last heard {time}").format(time=local(heard, zone))
    return state


def _buttons(buttons: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    rows = table(_("Button"), _("Family"), _("Serial"), _("Link"), _("Battery"), _("Signal"))
    for button in buttons:
        percent, rssi = button.get("battery_percent"), button.get("rssi_dbm")
        rows.add_row(
            button["name"],
            button["family"],
            button["serial"],
            _link(button, zone, _),
            "" if percent is None else f"{percent:.0f} %",
            "" if rssi is None else f"{rssi:.0f} dBm",
        )
    return rows


def _channel_state(channel: Json, zone: "ZoneInfo", _: Translate) -> str:
    """How a channel is doing; of one that fails since when, how often, and what comes next."""
    state = phrases.channel(channel["state"], _)
    if channel.get("circuit", "closed") == "closed":  # a bridge of an older version does not say it
        return state
    since, times = local(channel["failing_since"], zone), round(channel["failures_in_a_row"])
    state += _(", since {time}, {times}× in a row").format(time=since, times=times)
    if channel["circuit"] == "half_open":
        return state + _(", trying now")
    if channel["next_try_at"]:
        state += _(", next try {time}").format(time=local(channel["next_try_at"], zone))
    return state


def _channels(channels: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    rows = table(_("Channel"), _("Transport"), _("State"), _("Last try"))
    for channel in channels:
        rows.add_row(
            channel["channel"],
            channel["transport"],
            _channel_state(channel, zone, _),
            local(channel["said_at"], zone),
        )
    return rows
