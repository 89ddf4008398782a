"""Step 8: the commissioning report. What was measured, what is open, and who says so."""

import platform
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from flicbridge.cli import measures, phrases
from flicbridge.cli.setup import answers, paper
from flicbridge.cli.setup.evidence import ButtonFact, ChannelFact, Evidence
from flicbridge.cli.setup.findings import Channels, open_points, press_of, proof_of
from flicbridge.cli.setup.private import write_private
from flicbridge.cli.setup.reasons import worded
from flicbridge.cli.setup.site import Site, now_at
from flicbridge.cli.shared import Translate
from flicbridge.cli.walk import verdict_word

if TYPE_CHECKING:
    from flicbridge.config import ButtonSettings, Settings


def sign_report(site: Site) -> None:
    """Show what is open, have the report signed, and write it beside the settings."""
    _, talk = site.words, site.talk
    settings, evidence, channels = site.draft.settings(), site.evidence.read(), channels_in(site)
    missing = site.draft.missing()
    points = [
        *_unanswered(missing, _),
        *(
            [_("The radio is simulated: nothing here was proven with a real button.")]
            if settings.radio.simulated
            else []
        ),
        *open_points(_known_buttons(settings, missing), channels, evidence, _),
    ]
    talk.say(_("Everything was proven.") if not points else _("Open:"))
    for point in points:
        talk.say(f"  - {point}")
    if not talk.agrees(_("Write the commissioning report now?"), default=True):
        return
    question = _("Name of whoever installed this and signs")
    installer = talk.ask(question, answers.line(_), evidence.installer)
    site.evidence.note(installer=installer)
    at = now_at().astimezone(settings.bridge.zone)
    path = site.draft.path.with_name(f"commissioning-{at:%Y-%m-%d-%H%M}.html")
    write_private(path, compose(settings, channels, evidence, points, installer=installer, at=at, words=_))
    talk.say(_("Here is the report. It names people, so only you can read it."))
    talk.show(str(path))
    talk.say(_("Print it with a browser, and have the doctor sign it."))


def channels_in(site: Site) -> Channels:
    """The tables of all channels, by `recipient/index`."""
    return {
        f"{recipient['name']}/{index}": channel
        for recipient in site.draft.tables("recipients")
        for index, channel in enumerate(recipient.get("channels", []))
    }


def _known_buttons(settings: "Settings", missing: list[str]) -> "tuple[ButtonSettings, ...]":
    return () if "buttons" in missing else settings.buttons


def _unanswered(missing: list[str], _: Translate) -> list[str]:
    said = _("Not answered yet, so the bridge cannot start: {parts}.")
    return [said.format(parts=", ".join(missing))] if missing else []


def _rehearsed(settings: "Settings", _: Translate) -> list[str]:
    said = _("The radio is simulated: nothing here was proven with a real button.")
    return [said] if settings.radio.simulated else []


def compose(
    settings: "Settings",
    channels: Channels,
    evidence: Evidence,
    points: list[str],
    *,
    installer: str,
    at: datetime,
    words: Translate,
) -> str:
    """The report as a page of HTML.

    Args:
        settings: who, where, and the buttons.
        channels: as they are in the settings.
        evidence: what was measured.
        points: what is open.
        installer: who signs.
        at: when, by the practice's clock.
        words: what translates.
    """
    _ = words
    parts = [
        paper.sentence(_("{practice}, {day:%Y-%m-%d %H:%M}").format(practice=settings.practice.name, day=at)),
        paper.verdict(_verdict(points, _), points),
        paper.heading(_("Practice")),
        paper.facts(_practice(settings, _)),
        paper.heading(_("Buttons")),
        paper.grid(*_buttons(settings, evidence, _)),
        paper.heading(_("Presses, from the finger to the other side")),
        paper.grid(*_presses(settings, evidence, _)),
        paper.heading(_("Channels")),
        paper.grid(*_channels(channels, evidence, settings, _)),
        paper.heading(_("Rooms and dead zones")),
        paper.grid(*_rooms(evidence, _)),
        paper.heading(_("Versions")),
        paper.facts(_versions()),
        paper.heading(_("Signed off")),
        paper.sentence(_stance(points, _)),
        paper.signatures(
            [
                (_("Installer: {name}, {day:%Y-%m-%d}").format(name=installer, day=at), ""),
                (_("Doctor: {name}").format(name=settings.doctor.name), ""),
            ]
        ),
    ]
    return paper.page(_("Commissioning report"), settings.bridge.language, parts)


type Grid = tuple[list[str], Iterator[list[str]]]


def _verdict(points: list[str], _: Translate) -> str:
    return _("Not everything is proven:") if points else _("Everything was proven.")


def _stance(points: list[str], _: Translate) -> str:
    if points:
        return _("Signed with reservations: what is listed as open above must not be relied on.")
    return _("Every button, every channel and the way between them were tried, with the results above.")


def _practice(settings: "Settings", _: Translate) -> Iterator[tuple[str, str]]:
    from flicbridge.alert.phone import national

    place = settings.practice.place()
    yield _("Doctor"), f"{settings.doctor.name}, {national(settings.doctor.phone)}"
    yield _("Practice"), f"{settings.practice.name}, {settings.practice.address}"
    yield _("On the map"), place.decimal() if place else _("not known")
    yield _("Room"), settings.practice.room
    yield _("Bridge"), settings.bridge.id


def _buttons(settings: "Settings", evidence: Evidence, _: Translate) -> Grid:
    headings = [_("Button"), _("Serial number"), _("Gestures"), _("Battery"), _("Signal"), _("Heard after")]

    def rows() -> Iterator[list[str]]:
        for button in settings.buttons:
            gestures = ", ".join(f"{name}: {reaction}" for name, reaction in button.gestures.items())
            known = evidence.buttons.get(button.name)
            is_same = known is not None and known.serial == button.serial
            measured = _measured(known, _) if known is not None and is_same else ["?", "?", "?"]
            yield [button.name, button.serial or button.family.value, gestures, *measured]

    return headings, rows()


def _measured(known: ButtonFact, _: Translate) -> list[str]:
    heard = _("not heard") if known.heard_after_s is None else measures.exactly(known.heard_after_s, _)
    return [measures.battery(known.battery_mv, _), measures.signal(known.rssi_dbm, _), heard]


def _presses(settings: "Settings", evidence: Evidence, _: Translate) -> Grid:
    headings = [
        _("Button"),
        _("Gesture"),
        _("Reaction"),
        _("Recognised after"),
        _("Taken by the other side after"),
    ]

    def rows() -> Iterator[list[str]]:
        for button in settings.buttons:
            if (press := press_of(button, evidence)) is None:
                continue
            reached = "; ".join(f"{each.channel}: {_after(each.after_s, _)}" for each in press.reached)
            known_after = measures.exactly(press.known_after_s, _)
            yield [button.name, press.gesture, press.reaction, known_after, reached]

    return headings, rows()


def _after(seconds: float | None, _: Translate) -> str:
    return _("not sent") if seconds is None else measures.exactly(seconds, _)


def _channels(channels: Channels, evidence: Evidence, settings: "Settings", _: Translate) -> Grid:
    headings = [_("Channel"), _("Way"), _("Test message"), _("Took"), _("Seen to arrive"), _("When")]

    def rows() -> Iterator[list[str]]:
        for name, channel in channels.items():
            proof = proof_of(name, channels, evidence)
            yield [name, str(channel.get("transport", "?")), *_proof(proof, settings, _)]

    return headings, rows()


def _proof(proof: ChannelFact | None, settings: "Settings", _: Translate) -> list[str]:
    if proof is None or proof.outcome == "skipped":
        return [_("NOT PROVEN: not tried"), "", "", ""]
    took = "" if proof.took_s is None else measures.exactly(proof.took_s, _)
    if proof.delivered_s is not None:
        took = _("{taken}, on the handset {delivered}").format(
            taken=took, delivered=measures.exactly(proof.delivered_s, _)
        )
    outcome = phrases.delivery(proof.outcome, _) + (f": {worded(proof.detail, _)}" if proof.detail else "")
    return [
        outcome,
        took,
        _("yes") if proof.seen else _("no"),
        f"{proof.at.astimezone(settings.bridge.zone):%Y-%m-%d %H:%M}",
    ]


def _rooms(evidence: Evidence, _: Translate) -> Grid:
    headings = [_("Room"), _("Button"), _("Median"), _("Longest silence"), _("Verdict")]

    def rows() -> Iterator[list[str]]:
        for room in evidence.rooms:
            median = "" if room.median_dbm is None else f"{room.median_dbm:.0f} dBm"
            silence = measures.seconds(room.longest_silence_s, _)
            yield [room.room, room.button, median, silence, verdict_word(room.verdict, _)]

    return headings, rows()


def _versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    from flicbridge import __version__

    yield "flicbridge", __version__
    yield "Python", platform.python_version()
    yield platform.system(), platform.release()
    for package in ("bleak", "aiohttp"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
