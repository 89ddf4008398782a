"""Whether a scenario went as it should: expectations against what was seen and what was written. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from flicbridge import durations
from flicbridge.alert.alert import AlertKind, Purpose
from flicbridge.alert.phone import national
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.lateness import Lateness, lateness
from flicbridge.simulator.letter import Letter
from flicbridge.simulator.scenario import ExpectedMessages
from flicbridge.simulator.stage import Performance
from flicbridge.simulator.timeline import What
from flicbridge.transport.gsm import transliterate


class Rule(StrEnum):
    """What is expected; `words` says it to people."""

    ALERTS = "alerts"
    TESTS = "tests"
    JOINED = "joined"
    MESSAGES = "messages"
    WITHIN = "within"
    IN_TIME_AFTER_FAULT = "within_after_fault"
    STATE = "state"
    LATE = "late"
    IN_TIME = "not_late"
    ESSENTIALS = "essentials"
    TEXT = "text_contains"
    DUPLICATES = "duplicates"
    STRANGERS = "strangers"
    SIGNATURES = "signatures"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    ERRORS = "errors"
    PLAYED = "played"


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, and what came of it.

    Attributes:
        rule: what is expected.
        about: of what: a channel, a text; empty if of everything.
        expected, found: both for people; as far as possible numbers and names.
        ok: whether it was met.
    """

    rule: Rule
    about: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one scenario."""

    checks: Sequence[Check]

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return all(check.ok for check in self.checks)


def judge(played: Performance) -> Verdict:
    """Hold a performance against its scenario's expectations."""
    return Verdict([check for part in _PARTS for check in part(played)])


def _exactly(rule: Rule, expected: int, found: int, about: str = "") -> Check:
    return Check(rule, about, str(expected), str(found), expected == found)


def _nothing(rule: Rule, found: Sequence[str], about: str = "") -> Check:
    return Check(rule, about, "-", "; ".join(found) or "-", not found)


# -- what was raised -----------------------------------------------------------------------------------------


def _raised(played: Performance) -> Iterator[Check]:
    expect, kinds = played.scenario.expect, Counter(s.alert.kind for s in played.evidence.standings)
    yield _exactly(Rule.ALERTS, expect.alerts, kinds[AlertKind.EMERGENCY])
    yield _exactly(Rule.TESTS, expect.tests, kinds[AlertKind.TEST])
    yield _exactly(Rule.JOINED, expect.joined, played.story.joined)


def _states(played: Performance) -> Iterator[Check]:
    if (state := played.scenario.expect.state) is not None:
        found = sorted({standing.state.value for standing in played.evidence.standings})
        yield Check(Rule.STATE, "", state.value, ", ".join(found) or "-", found == [state.value])


# -- what arrived --------------------------------------------------------------------------------------------


def _messages(played: Performance) -> Iterator[Check]:
    """Count what arrived on each channel: exactly, except for what later steps of the plan send."""
    casting, exact = played.casting, _expected_messages(played)
    named = {channel for each in played.scenario.expect.messages for channel in casting.meant(each.channel)}
    later = {*casting.told_later(played.scenario.ends)} - {*casting.told_first()} - named
    for channel in casting.channels:
        if channel in later:
            continue  # how many, depends on when which step was due and what was answered by then
        expected = exact.get(channel, ExpectedMessages(channel=channel))
        wanted = {
            Purpose.ALERT: expected.alert,
            Purpose.AGAIN: expected.again,
            Purpose.CANCELLED: expected.cancelled,
        }
        found = _arrived(played, channel)
        believed_or_not = {Purpose.CANCELLED: found[Purpose.CANCELLED] + found[Purpose.DOUBTED]}
        ok = wanted == {purpose: found[purpose] for purpose in wanted} | believed_or_not
        yield Check(Rule.MESSAGES, channel, _counted(wanted), _counted(found), ok)


def _arrived(played: Performance, channel: str) -> Mapping[Purpose, int]:
    """How many messages of which purpose arrived on a channel; without reminders, if it was told at once."""
    is_told_first = channel in played.casting.told_first()
    return Counter(
        letter.tells.purpose
        for letter in played.story.letters
        if letter.channel == channel and letter.tells and not (is_told_first and letter.tells.step)
    )


def _expected_messages(played: Performance) -> dict[str, ExpectedMessages]:
    """What every channel must get that is told at once, and those that the scenario names."""
    expect, casting = played.scenario.expect, played.casting
    first, tested, informed = casting.told_first(), casting.told_tests(), casting.told_old()
    old = sum(casting.only_informs_of(standing.alert) for standing in played.evidence.standings)
    expected = {
        channel: ExpectedMessages(
            channel=channel,
            alert=(expect.alerts - old if channel in first else 0)
            + (old if channel in informed else 0)
            + (expect.tests if channel in tested else 0),
            again=expect.again if channel in first else 0,
            cancelled=expect.cancelled if channel in first else 0,
        )
        for channel in dict.fromkeys((*first, *tested, *informed))
    }
    for exception in expect.messages:
        for channel in casting.meant(exception.channel):
            expected[channel] = exception
    return expected


def _counted(counts: Mapping[Purpose, int]) -> str:
    return (
        " ".join(f"{purpose.value}:{count}" for purpose in Purpose if (count := counts.get(purpose, 0)))
        or "-"
    )


def _within(played: Performance) -> Iterator[Check]:
    expect, story = played.scenario.expect, played.story
    if expect.within is None:
        return
    rule = Rule.IN_TIME_AFTER_FAULT if expect.after_fault else Rule.WITHIN
    limit = durations.show(expect.within)
    for channel, expected in _expected_messages(played).items():
        if expected.alert == 0:
            continue
        waits_s = [_wait_s(played, letter) for letter in _first_of_each(story.letters, channel)]
        longest_s = max(waits_s, default=None)
        if longest_s is None:
            yield Check(rule, channel, limit, "-", ok=False)
        else:
            found = durations.show(timedelta(milliseconds=round(max(0.0, longest_s) * 1000)))
            yield Check(rule, channel, limit, found, longest_s <= expect.within.total_seconds())


def _first_of_each(letters: Sequence[Letter], channel: str) -> list[Letter]:
    """The first message about each alert on a channel."""
    first: dict[object, Letter] = {}
    for letter in letters:
        if letter.channel == channel and letter.tells is not None and letter.tells.purpose is Purpose.ALERT:
            first.setdefault(letter.tells.alert, letter)
    return list(first.values())


def _wait_s(played: Performance, letter: Letter) -> float:
    """How long a message was waited for: since the press, or since the last fault ended if that was later."""
    story, took_s = played.story, played.story.took_s(letter) or 0.0
    if not played.scenario.expect.after_fault or story.healed_s is None:
        return took_s
    return min(took_s, letter.at_s - story.healed_s)


def _late(played: Performance) -> Iterator[Check]:
    late = played.scenario.expect.late
    if late is None:
        return
    rule, wanted = (Rule.LATE, Lateness.YES) if late else (Rule.IN_TIME, Lateness.NO)
    alerts = {standing.alert.id: standing.alert for standing in played.evidence.standings}
    for letter in played.story.letters:
        if letter.tells is not None and letter.tells.purpose is Purpose.ALERT:
            arrived_at = played.ended_at - timedelta(seconds=played.ended_s - letter.at_s)
            said = lateness(letter, alerts[letter.tells.alert], arrived_at, played.settings)
            yield Check(rule, letter.channel, wanted.value, said.value, said is wanted)


# -- what people read ----------------------------------------------------------------------------------------


def _essentials(played: Performance) -> Iterator[Check]:
    """Every SMS and mail says who calls, which number to call back, and where."""
    settings = played.settings
    place = settings.practice.place()
    where = settings.practice.address if place is None else place.decimal()
    essentials = [settings.doctor.name, national(settings.doctor.phone), where]
    if texts := _texts(played):
        missing = [f"{t.channel}: {word}" for word in essentials for t in texts if not _says(t, word)]
        yield Check(Rule.ESSENTIALS, "", ", ".join(essentials), _missing(missing), not missing)


def _words(played: Performance) -> Iterator[Check]:
    for word in played.scenario.expect.text_contains:
        missing = [letter.channel for letter in _texts(played) if not _says(letter, word)]
        ok = bool(_texts(played)) and not missing
        yield Check(Rule.TEXT, word, word, _missing(missing) if ok or missing else "-", ok)


def _texts(played: Performance) -> list[Letter]:
    """Those that call somebody; what became of a test is for the doctor, who knows who and where."""
    return [
        letter
        for letter in played.story.letters
        if letter.text and letter.tells is not None and letter.tells.purpose is not Purpose.TESTED
    ]


def _says(letter: Letter, word: str) -> bool:
    """SMS are written in the alphabet of SMS, so what they say may have lost an accent."""
    return word in f"{letter.subject}\n{letter.text}" or transliterate(word) in letter.text


def _missing(words: Sequence[str]) -> str:
    return f"missing: {'; '.join(words)}" if words else "all"


# -- what must not happen ------------------------------------------------------------------------------------


def _duplicates(played: Performance) -> Iterator[Check]:
    """The same message, acted upon more than once by whoever got it."""
    acted = Counter((letter.channel, letter.tells) for letter in played.story.letters if letter.tells)
    again = sum(times - 1 for times in acted.values())
    yield _exactly(Rule.DUPLICATES, played.scenario.expect.duplicates, again)


def _strangers(played: Performance) -> Iterator[Check]:
    story = played.story
    unknown = [letter.channel for letter in story.letters if not story.explains(letter)]
    yield _nothing(Rule.STRANGERS, unknown)
    forged = [
        standin.channel
        for standin in played.standins.values()
        if isinstance(standin.gateway, FakeHttp) and standin.gateway.forged
    ]
    yield _nothing(Rule.SIGNATURES, forged)


def _failures(played: Performance) -> Iterator[Check]:
    """Messages refused for good: those that must be, and no others."""
    failed = [fate for fate in played.evidence.fates if fate.state == "failed"]
    explained: set[str] = set()
    for expected in played.scenario.expect.failed:
        for channel in played.casting.meant(expected.channel):
            reasons = [fate.last_error or "" for fate in failed if fate.channel == channel]
            ok = any(expected.reason in reason for reason in reasons)
            explained |= {channel} if ok else set()
            yield Check(Rule.FAILED, channel, expected.reason or "-", "; ".join(reasons) or "-", ok)
    others = [f"{fate.channel}: {fate.last_error}" for fate in failed if fate.channel not in explained]
    yield _nothing(Rule.FAILED, others)
    waiting = sum(fate.waits(played.ended_at) for fate in played.evidence.fates)
    yield _exactly(Rule.UNDELIVERED, played.scenario.expect.undelivered, waiting)


def _errors(played: Performance) -> Iterator[Check]:
    allowed = played.scenario.expect.errors
    said = [moment for moment in played.story.timeline.moments if moment.what is What.ERROR]
    names = {moment.facts["event"] for moment in said}
    for name in allowed:
        yield Check(Rule.ERRORS, name, name, name if name in names else "-", name in names)
    others = [f"{m.facts['event']} ({m.facts['detail']})" for m in said if m.facts["event"] not in allowed]
    yield _nothing(Rule.ERRORS, others)
    obstacles = [
        f"{m.facts['reason']}: {m.facts['detail']}"
        for m in played.story.timeline.moments
        if m.what is What.OBSTACLE
    ]
    yield _nothing(Rule.PLAYED, obstacles)


_PARTS: Final = (
    _raised,
    _messages,
    _within,
    _states,
    _late,
    _essentials,
    _words,
    _duplicates,
    _strangers,
    _failures,
    _errors,
)
