"""`flicbridge status`: am I protected right now?"""

from typing import TYPE_CHECKING, Any, Final

import typer

from flicbridge.cli import measures, phrases
from flicbridge.cli.asking import ask, whereabouts_in
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

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType

type Json = dict[str, Any]

NOT_PROTECTED: Final = "not_protected"

COLOURS: Final = {"protected": "bold green", "degraded": "bold yellow", NOT_PROTECTED: "bold white on red"}


def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say whether a press would reach help. Exit code 0: yes; 1: no, or no bridge runs."""
    where = whereabouts_in(config)
    report = ask(where, lambda bridge: bridge.status())
    if as_json:
        print_json(report)
    else:
        screen = console()
        for block in _blocks(report, where.bridge.zone, words_of(where)):
            screen.print(block)
    if _state(report) == NOT_PROTECTED:
        raise typer.Exit(1)


def _state(report: Json) -> str:
    """The verdict; a bridge of an older version gives none."""
    return str(report.get("protection", {}).get("state", ""))


def _blocks(report: Json, zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    bridge = report["bridge"]
    yield from _verdict(report, zone, _)
    if bridge["rehearsal"]:
        yield _("REHEARSAL: nothing is sent.")
    yield from _problems(report["problems"], zone, _)
    running = _("Bridge {id}, flicbridge {version}, running for {duration}")
    yield running.format(**bridge, duration=phrases.duration(bridge["uptime_s"], _))
    yield from _radio(report["radio"], zone, _)
    yield _buttons(report["buttons"], zone, _)
    yield _channels(report["channels"], zone, _)
    links = {link["name"]: link for link in report.get("links", [])}
    yield from _host(links.get("host", {}).get("facts", {}), _)
    yield from _recipients(links, zone, _)
    yield from _drills(report.get("drills", []), zone, _)
    outbox = report["outbox"]
    yield _("Messages waiting: {queued}, under way: {sending}").format(**outbox)
    for alert in report["open_alerts"]:
        yield _("Open alert: {alert}").format(alert=alert)
    for trial in report.get("trials", []):  # a bridge of an older version does not tell them apart
        yield _("EXERCISE under way, nobody needs help: {alert}").format(alert=trial)


def _verdict(report: Json, zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    """The one line that a doctor reads."""
    from rich.text import Text

    state = _state(report)
    words = {
        "protected": _("PROTECTED: a press calls for help"),
        "degraded": _("REDUCED PROTECTION: a press calls for help, but something needs attention"),
        NOT_PROTECTED: _("NOT PROTECTED: a press reaches nobody"),
    }
    if state in words:
        since = report["protection"]["since"]
        dated = _(", since {time}").format(time=local(since, zone)) if since else ""
        yield Text(f"{words[state]}{dated}", style=COLOURS[state])


def _problems(problems: list[Json], zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    from rich.text import Text

    if not problems:
        yield Text(_("No problem is known."), style="green")
    for found in problems:
        part, problem = phrases.part(found["part"], _), phrases.problem(found["problem"], _)
        said = phrases.labelled(part, problem, _)
        detail = f" ({printable(found['detail'])})" if found["detail"] else ""
        since = _(", since {time}").format(time=local(found["since"], zone)) if found["since"] else ""
        breaks = found.get("makes", NOT_PROTECTED) == NOT_PROTECTED
        line = Text(
            f"{said}{detail}{since}{_how_often(found, zone, _)}", style="bold red" if breaks else "yellow"
        )
        if remedy := phrases.remedy(found["problem"], _):
            line.append(f"\n  → {remedy}", style="default")
        yield line


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
    """How a button is connected and since when; of one that sleeps when it last proved to be there."""
    if not button["paired"]:
        return phrases.link("not_paired", _)
    state = phrases.link(button.get("link", ""), _)
    if button.get("link") == "asleep":
        heard = button.get("last_heard")
        return state + (_(", last heard {time}").format(time=local(heard, zone)) if heard else "")
    since = button.get("link_since")
    return state + (_(", since {time}").format(time=local(since, zone)) if since and state else "")


def _battery(button: Json, _: Translate) -> str:
    """Volts and percent, as far as they are known, and how long that will do."""
    millivolt, percent = button.get("battery_mv"), button.get("battery_percent")
    if millivolt is None:
        return "" if percent is None else f"{percent:.0f} %"
    text = measures.battery(millivolt, _)
    if (weeks := button.get("battery_weeks")) is None:
        return text
    return text + _(", about {weeks} weeks left").format(weeks=round(weeks))


def _buttons(buttons: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    rows = table(_("Button"), _("Family"), _("Serial"), _("Link"), _("Last heard"), _("Battery"), _("Signal"))
    for button in buttons:
        rssi = button.get("rssi_dbm")
        rows.add_row(
            button["name"],
            button["family"],
            button["serial"],
            _link(button, zone, _),
            local(button.get("last_heard"), zone),
            _battery(button, _),
            "" if rssi is None else measures.signal(rssi, _),
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


def _channel_health(channel: Json, _: Translate) -> str:
    """What the other side says of itself, such as the gateway phone."""
    state = channel.get("health_state")
    if state is None:
        return ""
    text = phrases.health(state, _)
    if (percent := channel.get("health_battery_percent")) is not None:
        battery = _("battery {percent} %").format(percent=round(percent))
        charging = _("charging") if channel.get("health_charging") else _("not charging")
        text += f", {battery}, {charging}"
    return text


def _channels(channels: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    rows = table(
        _("Channel"), _("Transport"), _("State"), _("Last success"), _("Last failure"), _("Other side")
    )
    for channel in channels:
        rows.add_row(
            channel["channel"],
            channel["transport"],
            _channel_state(channel, zone, _),
            local(channel.get("last_success"), zone),
            local(channel.get("last_failure"), zone),
            _channel_health(channel, _),
        )
    return rows


def _host(facts: Json, _: Translate) -> "Iterator[str]":
    """The machine: only what it tells of itself."""
    said = []
    if (free := facts.get("disk_free_mib")) is not None:
        said.append(_("{number} MiB free on disk").format(number=round(free)))
    if (free := facts.get("memory_free_mib")) is not None:
        said.append(_("{number} MiB of memory free").format(number=round(free)))
    if (celsius := facts.get("temperature_c")) is not None:
        said.append(f"{celsius:.0f} °C")
    said += _yes_or_no(facts, "under_voltage", _("power supply too weak"), _("power supply well"))
    said += _yes_or_no(facts, "clock_synchronised", _("clock kept right"), _("clock not kept right"))
    if said:
        yield phrases.labelled(phrases.part("host", _), ", ".join(said), _)


def _yes_or_no(facts: Json, fact: str, yes: str, no: str) -> list[str]:
    value = facts.get(fact)
    return [] if value is None else [yes if value else no]


def _recipients(links: dict[str, Json], zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    rows = table(_("Recipient"), _("Last acknowledgement"))
    for name, link in links.items():
        if name.startswith("recipient:"):
            rows.add_row(name.partition(":")[2], local(link["facts"].get("last_ack_at"), zone) or _("never"))
    if rows.row_count:
        yield rows


def _drills(drills: list[Json], zone: "ZoneInfo", _: Translate) -> "Iterator[RenderableType]":
    rows = table(_("Test"), _("Result"), _("Last"), _("Next"))
    for drill in drills:
        result = phrases.drill_result(drill["result"], _) if drill["result"] else _("never")
        at, due_at = local(drill["at"], zone), local(drill["due_at"], zone)
        rows.add_row(phrases.drill(drill["kind"], _), result, at, due_at)
    if rows.row_count:
        yield rows
