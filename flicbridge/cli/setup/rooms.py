"""Step 6: a walk through the rooms with a button in the pocket, to find where it is not heard."""

from typing import TYPE_CHECKING, Final

from flicbridge.cli.faults import as_sentence
from flicbridge.cli.pairings import pairings, read_records
from flicbridge.cli.setup import answers
from flicbridge.cli.setup.evidence import RoomFact
from flicbridge.cli.setup.site import Site, now_at
from flicbridge.cli.shared import wait_for
from flicbridge.cli.walk import Walk, summary, verdict_word, walk
from flicbridge.errors import FlicbridgeError

if TYPE_CHECKING:
    from flicbridge.press.survey import Reception

# Several calls of a button, and time to turn around: a body between it and the bridge is the worst case.
ROOM_S: Final = 15.0


def walk_rooms(site: Site) -> None:
    """Measure one room after the other."""
    _, talk = site.words, site.talk
    settings = site.draft.settings()
    if not pairings(settings, wait_for(read_records(settings.bridge.state_dir))):
        return talk.say(_("No button is paired: there is nothing to walk with."))
    for known in site.evidence.read().rooms:
        said = _("{room}: {verdict} ({button}).")
        talk.say(said.format(room=known.room, verdict=verdict_word(known.verdict, _), button=known.button))
    walked = bool(site.evidence.read().rooms)
    question = _("Walk through the rooms now? Each takes {seconds} s.")
    if not talk.agrees(question.format(seconds=round(ROOM_S)), default=not walked):
        return None
    talk.say(
        _("Wear the button as it will be worn. Begin where patients are seen; do not forget the toilets.")
    )
    while room := talk.ask_optional(
        _("Go into a room. What is it called? (Enter: no more rooms)"), answers.line(_)
    ):
        _measure(site, room)
    return None


def _measure(site: Site, room: str) -> None:
    """Listen in one room, and keep what was heard in place of what was known of it."""
    settings = site.draft.settings()
    found = pairings(settings, wait_for(read_records(settings.bridge.state_dir)))
    wish = Walk(settings, found, ROOM_S, site.talk.screen, site.words, room=room)
    try:
        heard = wait_for(walk(wish))
    except FlicbridgeError as error:
        return site.talk.say(f"  → {as_sentence(str(error))}")
    for shown in summary(heard, site.words):
        site.talk.say(shown)
    kept = [fact for fact in site.evidence.read().rooms if fact.room != room]
    site.evidence.note(rooms=(*kept, *(_fact(each) for each in heard)))
    return None


def _fact(heard: "Reception") -> RoomFact:
    return RoomFact(
        at=now_at(),
        room=heard.room,
        button=heard.button,
        median_dbm=heard.median_dbm,
        longest_silence_s=round(heard.longest_silence_s, 1),
        verdict=heard.verdict.value,
    )
