"""A channel is proven by a message that says it is a drill, and by somebody who saw it arrive."""

from typing import Any

from flicbridge.cli import measures
from flicbridge.cli.faults import as_sentence
from flicbridge.cli.setup.drill import Result, send_drill
from flicbridge.cli.setup.evidence import ChannelFact, fingerprint
from flicbridge.cli.setup.gateways import Table, ask_until_sound, opened
from flicbridge.cli.setup.reasons import worded
from flicbridge.cli.setup.site import Site, now_at
from flicbridge.cli.shared import wait_for
from flicbridge.errors import ConfigError


def prove_channel(site: Site, index: int, place: int) -> None:
    """Send a test message over a channel, unless this very channel was proven, or nobody agreed to it.

    Args:
        site: what is being set up.
        index: which recipient of the settings.
        place: which of the recipient's channels.
    """
    _, talk = site.words, site.talk
    recipient = site.draft.tables("recipients")[index]
    channel, name = recipient["channels"][place], f"{recipient['name']}/{place}"
    known = _proof(site, name, channel)
    if known is not None and known.seen:
        return talk.say(_("{channel}: proven already.").format(channel=name))
    if recipient["name"] not in (site.draft.get("alerts", "test_notify") or []):
        talk.say(_("{channel}: no drill was agreed on, so it is NOT PROVEN.").format(channel=name))
        return _note(site, name, channel, outcome="skipped")
    question = _("Send a test message to {channel} now?").format(channel=name)
    if talk.agrees(question, default=True) and _try(site, index, place):
        return None
    channel = site.draft.tables("recipients")[index]["channels"][place]
    if _proof(site, name, channel) is None:
        _note(site, name, channel, outcome="skipped")
    return talk.say(_("{channel} is NOT PROVEN. The report says so.").format(channel=name))


def _proof(site: Site, name: str, channel: Table) -> ChannelFact | None:
    known = site.evidence.read().channels.get(name)
    return known if known is not None and known.of == fingerprint(channel) else None


def _try(site: Site, index: int, place: int) -> bool:
    """Try a channel, and let it be corrected, until it is proven or left for later."""
    _, talk = site.words, site.talk
    recipient = site.draft.tables("recipients")[index]
    name, channel = recipient["name"], recipient["channels"][place]
    while not _is_proven(site, name, f"{name}/{place}", channel):
        choices = [_("try again"), _("correct what was typed"), _("go on, with this channel NOT PROVEN")]
        chosen = talk.choose(_("What now"), choices)
        if chosen == 2:
            return False
        if chosen == 1:
            channel = ask_until_sound(site, channel["transport"], name, place, channel)
            site.draft.put("recipients", index, "channels", place, value=channel)
    return True


def _is_proven(site: Site, recipient: str, name: str, channel: Table) -> bool:
    """Send one test message, show what came of it, and note it."""
    _, talk = site.words, site.talk
    result = _sent(site, recipient, channel)
    if result.error:
        said = _("It failed after {seconds}: {error}.")
        why = worded(result.error, _).rstrip(".")
        talk.say(said.format(seconds=measures.exactly(result.took_s, _), error=why))
        _note(site, name, channel, outcome="failed", took_s=result.took_s, detail=result.error)
        return False
    facts: dict[str, Any] = {"outcome": "sent", "took_s": result.took_s}
    if result.delivered_s is not None:
        facts |= {"outcome": "delivered", "delivered_s": result.delivered_s}
        said = _("On the handset after {seconds}.")
        talk.say(said.format(seconds=measures.exactly(result.delivered_s, _)))
    is_seen = talk.agrees(_("Has it arrived, and does it say DRILL?"), default=False)
    _note(site, name, channel, **facts, seen=is_seen)
    return is_seen


def _sent(site: Site, recipient: str, channel: Table) -> Result:
    """Send one test message; what keeps a channel from being opened is a failure, too."""
    from flicbridge.credentials import Credentials

    _, talk = site.words, site.talk

    def taken(took_s: float) -> None:
        talk.say(_("Taken by the other side after {seconds}.").format(seconds=measures.exactly(took_s, _)))

    settings, credentials = site.draft.settings(), Credentials.beside(site.draft.path)
    try:
        return wait_for(send_drill(settings, recipient, opened(site, channel), credentials, taken))
    except ConfigError as error:
        problem = error.problems[0]
        return Result(0.0, f"{as_sentence(problem.what)} {problem.remedy}")


def _note(site: Site, name: str, channel: Table, **facts: Any) -> None:
    fact = ChannelFact.model_validate({"at": now_at(), "of": fingerprint(channel), **facts})
    site.evidence.note_one("channels", name, fact)
