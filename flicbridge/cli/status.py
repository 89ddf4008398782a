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
    yield _buttons(report["buttons"], _)
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
        yield Text(f"{said}{detail}{since}", style="bold red")


def _buttons(buttons: list[Json], _: Translate) -> "RenderableType":
    rows = table(_("Button"), _("Family"), _("Serial"), _("Link"), _("Battery"), _("Signal"))
    for button in buttons:
        percent, rssi = button.get("battery_percent"), button.get("rssi_dbm")
        rows.add_row(
            button["name"],
            button["family"],
            button["serial"],
            phrases.link(button.get("link", "") if button["paired"] else "not_paired", _),
            "" if percent is None else f"{percent:.0f} %",
            "" if rssi is None else f"{rssi:.0f} dBm",
        )
    return rows


def _channels(channels: list[Json], zone: "ZoneInfo", _: Translate) -> "RenderableType":
    rows = table(_("Channel"), _("Transport"), _("State"), _("Last try"))
    for channel in channels:
        rows.add_row(
            channel["channel"],
            channel["transport"],
            phrases.channel(channel["state"], _),
            local(channel["said_at"], zone),
        )
    return rows
