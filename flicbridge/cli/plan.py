"""`flicbridge plan`: who would be told what and when."""

from typing import TYPE_CHECKING, Any

import typer

from flicbridge.cli import phrases
from flicbridge.cli.shared import (
    AsJson,
    ConfigFile,
    Translate,
    console,
    print_json,
    settings_in,
    table,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

type Json = dict[str, Any]

app = typer.Typer(help="Understand the plan of the settings.", no_args_is_help=True)


@app.callback()
def plan() -> None:
    """Understand the plan of the settings."""


@app.command()
def explain(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Tell who would be told what and when: if nobody answers, if a channel fails, if it is cancelled."""
    from flicbridge.cli.outlook import outlook

    settings = settings_in(config)
    facts = outlook(settings)
    if as_json:
        print_json(facts)
        return
    screen = console()
    for block in _blocks(facts, words_of(settings)):
        screen.print(block)


def _blocks(facts: Json, _: Translate) -> "Iterator[RenderableType]":
    yield _("If nobody answers:")
    yield _timeline(facts, _)
    yield _("If a channel refuses every message for good:")
    yield _failures(facts, _)
    yield from _unreachable(facts["if_it_cannot_be_reached"], _)
    yield from _cancellations(facts["if_cancelled"], _)
    yield from _late(facts["late"], _)
    yield _("A test is told to: {recipients}").format(recipients=_recipients(facts["tests"]))


def _timeline(facts: Json, _: Translate) -> "RenderableType":
    rows = table(_("When"), _("Recipient"), _("Channel"), _("Message"), _("If acknowledged by then"))
    for same in _together(facts["if_nobody_answers"]):
        first = same[0]
        rows.add_row(
            _when(first["after_s"], _),
            first["recipient"],
            _channel(first["channel"], facts),
            _message(same, _),
            _("sent all the same") if first["even_if_acknowledged"] else _("not sent"),
        )
    end = _("given up: nothing new is sent, and `flicbridge status` says that nobody answered")
    rows.add_row(_when(facts["given_up_after_s"], _), "", "", end, "")
    return rows


def _together(messages: list[Json]) -> list[list[Json]]:
    """The messages, the reminders of a step over one channel as one."""
    groups: dict[tuple[int, str, str], list[Json]] = {}
    for message in messages:
        same = message["step"], message["channel"], message["message"]
        groups.setdefault(same, []).append(message)
    return list(groups.values())


def _message(same: list[Json], _: Translate) -> str:
    first = same[0]
    if first["message"] == "alert":
        return _("alert, for the channel before brought no answer") if _waited(first) else _("alert")
    if len(same) == 1:
        return _("reminder")
    every = phrases.exactly(same[1]["after_s"] - first["after_s"], _)
    last = _when(same[-1]["after_s"], _)
    return _("reminder, every {every} until {last} ({times} times)").format(
        every=every, last=last, times=len(same)
    )


def _waited(message: Json) -> bool:
    return bool(message["because"] == "no_answer")


def _failures(facts: Json, _: Translate) -> "RenderableType":
    rows = table(_("Channel"), _("What happens then"), _("Worth sending for"))
    for failure in facts["if_a_channel_fails"]:
        channel = failure["channel"]
        lives = phrases.exactly(facts["channels"][channel]["expires_after_s"], _)
        rows.add_row(_channel(channel, facts), _failure(failure, facts, _), lives)
    return rows


def _failure(failure: Json, facts: Json, _: Translate) -> str:
    recipient = failure["recipient"]
    if not failure["is_used"]:
        return _("nothing: the plan does not use it")
    if failure["instead"]:
        ways = ", ".join(_way(message, facts, _) for message in failure["instead"])
        return _("{recipient} is told over: {ways}").format(recipient=recipient, ways=ways)
    if not failure["first_others"]:
        return _("NOBODY is told")
    others = _recipients(failure["first_others"])
    when = _when(failure["first_others"][0]["after_s"], _)
    return _("{recipient} is NOT told; first of the others, {when}: {others}").format(
        recipient=recipient, when=when, others=others
    )


def _way(message: Json, facts: Json, _: Translate) -> str:
    return f"{_channel(message['channel'], facts)} ({_when(message['after_s'], _)})"


def _retries(retries: Json, _: Translate) -> str:
    """The schedule in one sentence, to the second: each wait has a random part."""
    tries = ", ".join(f"{at_s:.0f}" for at_s in retries["tries_s"])
    rhythms = "; ".join(
        _("from {start} on every {every}").format(
            start=phrases.exactly(round(rhythm["from_s"]), _), every=phrases.exactly(rhythm["every_s"], _)
        )
        for rhythm in retries["then"]
    )
    return _(
        "A message that a channel cannot take at the moment is tried again after {tries} s, {rhythms}, and at"
        " once when the network comes back; as long as it is worth sending (`expires_after`)."
    ).format(tries=tries, rhythms=rhythms)


def _unreachable(retries: Json, _: Translate) -> "Iterator[str]":
    yield _retries(retries, _)
    if retries["next_channel_after"] is not None:
        line = _("Where channels are used in turn, {number} failures in a row bring the next one.")
        yield line.format(number=retries["next_channel_after"])
    yield ""


def _cancellations(cancellations: list[Json], _: Translate) -> "Iterator[str]":
    for told in cancellations:
        recipients = ", ".join(told["recipients"])
        if not told["from_s"]:
            line = _("If it is cancelled, what has not left is not sent, and these are told: {recipients}")
        else:
            line = _("If it is cancelled {when} or later, these are told: {recipients}")
        yield line.format(recipients=recipients, when=_when(told["from_s"], _))


def _late(late: Json, _: Translate) -> "Iterator[str]":
    fresh = phrases.exactly(late["fresh_s"], _)
    yield _("A press that took longer than {fresh} to arrive is called late.").format(fresh=fresh)
    if late["old_s"] is None:
        return
    old = phrases.exactly(late["old_s"], _)
    if late["plan"] == "inform":
        line = _(
            "One that took longer than {old} is called old, and told once and without escalation to: {who}"
        )
    else:
        line = _("One that took longer than {old} is called old, and told like any other.")
    yield line.format(old=old, who=_recipients(late["old"]))


def _when(seconds: float, _: Translate) -> str:
    return phrases.exactly(seconds, _) if seconds else _("at once")


def _channel(channel: str, facts: Json) -> str:
    return f"{channel} ({facts['channels'][channel]['transport']})"


def _recipients(messages: "Iterable[Json]") -> str:
    return ", ".join(dict.fromkeys(message["recipient"] for message in messages))
