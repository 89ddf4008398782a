"""The rehearsal on a terminal: who plays, what happens as it happens, what arrived, and the verdict.

Without a terminal the same, without colours: it can be piped into a file and read there.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from typing import Final

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flicbridge.press.settings import Family
from flicbridge.simulator import words
from flicbridge.simulator.letter import Letter
from flicbridge.simulator.report import Report
from flicbridge.simulator.scenario import Scenario
from flicbridge.simulator.stage import Performance
from flicbridge.simulator.standins import Cast
from flicbridge.simulator.timeline import Moment, What
from flicbridge.simulator.verdict import Check, Verdict
from flicbridge.simulator.words import Translate

GOOD: Final = "bold green"
BAD: Final = "bold red"
QUIET: Final = "dim"
LOUD: Final = "bold"

LOOKS: Final[Mapping[What, tuple[str, str, str]]] = {
    What.FINGER_DOWN: ("●", "*", "bold yellow"),
    What.FINGER_UP: ("○", "o", "yellow"),
    What.GESTURE: ("◆", "*", "bold magenta"),
    What.TAKEN: ("■", "#", "bold cyan"),
    What.ARRIVED: ("✉", ">", GOOD),
    What.DELIVERED: ("✔", "+", "green"),
    What.FAILED_TRY: ("↻", "~", "yellow"),
    What.REFUSED: ("✘", "x", BAD),
    What.GIVEN_UP: ("✘", "x", BAD),
    What.WITHDRAWN: ("∅", "-", QUIET),
    What.MOVED: ("◆", "*", "bold magenta"),
    What.HEALED: ("▲", "^", "green"),
    What.NETWORK_UP: ("▲", "^", "green"),
    What.BACK_IN_RANGE: ("▲", "^", "green"),
    What.RADIO_ON: ("▲", "^", "green"),
    What.STARTED: ("▲", "^", "green"),
    What.LINK_UP: ("·", ".", QUIET),
    What.LINK_LOST: ("·", ".", QUIET),
    What.ERROR: ("!", "!", BAD),
    What.OBSTACLE: ("!", "!", BAD),
}
"""Sign, sign for terminals without Unicode, and style; whatever is not here is a misfortune."""
MISFORTUNE: Final = ("▼", "v", "red")
INDENT: Final = " " * 12
"""Up to where the sentences begin."""


class _Page(Console):
    """Where it is shown."""

    def on_broken_pipe(self) -> None:
        """Nobody reads on (`| head`): the play goes on all the same, for its exit code counts."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def a_console() -> Console:
    """Where it is shown; a pipe gets lines of a width that fits on a page."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a question mark for an accent, where there are none
    console = _Page(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 110
    return console


class NobodyWatches:
    """An audience for rehearsals whose report is all that counts."""

    def opens(self, cast: Cast) -> None: ...

    def sees(self, moment: Moment) -> None: ...


class Screen:
    """Shows one scenario."""

    def __init__(self, console: Console, _: Translate, scenario: Scenario, *, settings_from: str) -> None:
        self._console = console
        self._translate = _
        self._scenario = scenario
        self._settings_from = settings_from
        self._is_plain = console.options.ascii_only

    # -- as it happens -------------------------------------------------------------------------------------

    def opens(self, cast: Cast) -> None:
        """Say what is played, and by whom."""
        _ = self._translate
        about = Table.grid(padding=(0, 2))
        about.add_column(style=QUIET, no_wrap=True)
        about.add_column()
        about.add_row(_("settings"), self._settings_from)
        for name, detail in self._players(cast):
            about.add_row(name, detail)
        lines = [Text(self._scenario.about.strip(), style="italic"), Text()] if self._scenario.about else []
        title = Text(self._scenario.title, style=LOUD)
        frame = box.ASCII if self._is_plain else box.ROUNDED
        self._console.print(Panel(Group(*lines, about), title=title, title_align="left", box=frame))
        self._console.print()

    def sees(self, moment: Moment) -> None:
        """Show what just happened."""
        if moment.facts.get("is_repeated"):
            return
        _ = self._translate
        sign, plain_sign, style = LOOKS.get(moment.what, MISFORTUNE)
        first = Text.assemble(
            (words.instant(moment.at_s, _), QUIET), (f" {plain_sign if self._is_plain else sign} ", style)
        )
        self._print(first, words.sentence(moment, _), style)
        if quote := _quoted(moment):
            self._print(Text(INDENT), quote, "italic")

    def _print(self, first: Text, text: str, style: str) -> None:
        """Print a text that begins after `first` and goes on below its own beginning."""
        for line in Text(text).wrap(self._console, self._console.width - len(INDENT)):
            self._console.print(Text.assemble(first, (line.plain.rstrip(), style)))
            first = Text(INDENT)

    def _players(self, cast: Cast) -> list[tuple[str, str]]:
        _ = self._translate
        played_by = {
            Family.FLIC2: _("simulated Flic 2 {serial}, paired over a simulated radio"),
            Family.FLICD: _("simulated Flic 1 {address}, behind a stand-in for flicd"),
            Family.VIRTUAL: _("virtual button"),
        }
        players = [
            (button.name, played_by[button.family].format(serial=button.serial, address=button.address))
            for button in cast.settings.buttons
        ]
        for standin in cast.standins.values():
            fake = _("fake gateway on this machine ({transport})")
            if standin.is_stopgap:
                fake = _("NOT REHEARSED: no fake gateway speaks “{transport}”, a webhook is sent instead")
            players.append((standin.channel, fake.format(transport=standin.transport)))
        return players

    # -- at the end ----------------------------------------------------------------------------------------

    def closes(self, played: Performance, verdict: Verdict) -> None:
        """Show what arrived, and whether all went as expected."""
        self._console.print()
        if played.story.letters:
            self._console.print(self._arrivals(played))
        self._console.print(self._checks(verdict.checks))
        self._console.print(self._last_word(verdict))
        self._console.print()

    def _arrivals(self, played: Performance) -> Table:
        _ = self._translate
        headings = _("message"), _("channel"), _("arrived at"), _("after the press"), _("tries")
        table = self._table(*headings)
        for column in table.columns[2:]:
            column.justify = "right"
        attempts = {fate.delivery: fate.attempts for fate in played.evidence.fates}
        for letter in played.story.letters:
            tries = None if letter.delivery is None else attempts.get(letter.delivery)
            table.add_row(*self._arrival(letter, played, tries))
        return table

    def _arrival(self, letter: Letter, played: Performance, attempts: int | None) -> tuple[str, ...]:
        _, story = self._translate, played.story
        told = _("the bridge itself") if story.explains(letter) else "?"
        if letter.tells is not None:
            told = words.purpose(letter.tells.purpose.value, _)
        return (
            f"{words.medium(letter.medium.value, _)} ({told})",
            letter.channel,
            words.instant(letter.at_s - story.timeline.began_s, _),
            words.span(story.took_s(letter), _),
            "?" if attempts is None else str(attempts),
        )

    def _checks(self, checks: Sequence[Check]) -> Group:
        """What was expected and what was found; what did not happen, and should not, in one breath."""
        _ = self._translate
        table = self._table("", _("expectation"), _("expected"), _("found"))
        table.expand = True
        for column, share in zip(table.columns[1:], (5, 4, 3), strict=True):
            column.ratio = share
        for check in checks:
            if not words.is_about_nothing(check):
                expected, found = (words.value(check, text, _) for text in (check.expected, check.found))
                style = "" if check.ok else BAD
                table.add_row(self._mark(check.ok), words.rule(check, _), expected, Text(found, style=style))
        absent = [words.rule(check, _) for check in checks if words.is_about_nothing(check)]
        nothing = _("and nothing else: {things}").format(things=", ".join(absent))
        return Group(table, Text(nothing if absent else "", style=QUIET), Text())

    def _last_word(self, verdict: Verdict) -> Text:
        _ = self._translate
        met = sum(check.ok for check in verdict.checks)
        words_ = (
            _("PASSED: {met} of {all} expectations met")
            if verdict.ok
            else _("FAILED: {met} of {all} expectations met")
        )
        text = words_.format(met=met, all=len(verdict.checks))
        return Text.assemble(self._mark(verdict.ok), " ", (text, GOOD if verdict.ok else BAD))

    def _mark(self, ok: bool) -> Text:
        good, bad = ("+", "x") if self._is_plain else ("✔", "✘")
        return Text(good, style=GOOD) if ok else Text(bad, style=BAD)

    def _table(self, *headings: str) -> Table:
        frame = box.ASCII if self._is_plain else box.SIMPLE_HEAD
        return Table(*headings, box=frame, pad_edge=False, header_style=QUIET)


def summary(reports: Sequence[Report], _: Translate) -> Text:
    """One line for several scenarios: how many went well, and the names of those that did not."""
    failed = [report.name for report in reports if not report.ok]
    played = sum(report.skipped is None for report in reports)
    if failed:
        text = _("{failed} of {played} scenarios failed: {names}")
        return Text(text.format(failed=len(failed), played=played, names=", ".join(failed)), style=BAD)
    return Text(_("all {played} scenarios passed").format(played=played), style=GOOD)


def _quoted(moment: Moment) -> str:
    """What the recipient reads, where that is short."""
    if moment.what is not What.ARRIVED:
        return ""
    is_sms = moment.facts["medium"] == "sms"
    return str(moment.facts["text"] if is_sms else moment.facts["subject"])
