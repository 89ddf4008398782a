"""Step 5: who can help and how they are reached, each way proven by a message that says it is a drill."""

from typing import Any

from flicbridge.cli.setup import answers, gateways
from flicbridge.cli.setup.proving import prove_channel
from flicbridge.cli.setup.site import Site


def ask_channels(site: Site) -> None:
    """Ask for recipients and their channels, and try each one that was not proven yet."""
    _, talk = site.words, site.talk
    for index, recipient in enumerate(site.draft.tables("recipients")):
        _ask_what_is_open(site, recipient["name"])
        for place in range(len(recipient.get("channels", []))):
            prove_channel(site, index, place)
    while not site.draft.tables("recipients") or talk.agrees(
        _("Another recipient, or another way to reach one?"), default=False
    ):
        _add_channel(site)
    _ask_maintainer(site)


def _ask_what_is_open(site: Site, name: str) -> None:
    """Ask again what an earlier run may have left unanswered."""
    told = [named for step in site.draft.tables("plan") for named in step.get("notify", [])]
    if name not in told:
        _ask_when(site, name)
    if name not in (site.draft.get("alerts", "test_notify") or []):
        _ask_agreement(site, name)


def _add_channel(site: Site) -> None:
    _, talk, draft = site.words, site.talk, site.draft
    talk.say(_("Ask the SAMU and the police first: they must have agreed to get such messages."))
    question = _("Who shall be told? A short name, such as samu or collegue")
    name = talk.ask(question, answers.name(_))
    known = [recipient["name"] for recipient in draft.tables("recipients")]
    place = len(draft.tables("recipients", known.index(name), "channels")) if name in known else 0
    kinds = gateways.kinds()
    kind = kinds[talk.choose(_("How"), [gateways.described(each, _) for each in kinds])]
    channel = gateways.ask_until_sound(site, kind, name, place, {})
    if name in known:
        draft.put("recipients", known.index(name), "channels", place, value=channel)
    else:
        draft.put("recipients", len(known), value={"name": name, "channels": [channel]})
        _ask_what_is_open(site, name)
    prove_channel(site, known.index(name) if name in known else len(known), place)


def _ask_when(site: Site, name: str) -> None:
    """Ask when a new recipient is told, and put that into the plan."""
    _, draft = site.words, site.draft
    steps = draft.tables("plan")
    after = "0s"
    if steps:
        question = _("When is {name} told? 0s: with the press; 60s: a minute later, if nobody has answered")
        after = site.talk.ask(question.format(name=name), answers.wait(_), "0s")
    same = next((index for index, step in enumerate(steps) if step.get("after") == after), None)
    if same is not None:
        draft.put("plan", same, "notify", value=[*steps[same]["notify"], name])
        return
    step: dict[str, Any] = {"after": after, "notify": [name]}
    draft.put("plan", len(steps), value=step if not steps else {**step, "unless": "acknowledged"})


def _ask_agreement(site: Site, name: str) -> None:
    """Ask whether drills may be sent there; only who agreed gets tests."""
    _, draft = site.words, site.draft
    question = _("Has {name} agreed to get messages that say DRILL, now and in later drills?")
    agreed = draft.get("alerts", "test_notify") or []
    if site.talk.agrees(question.format(name=name), default=False) and name not in agreed:
        draft.put("alerts", "test_notify", value=[*agreed, name])


def _ask_maintainer(site: Site) -> None:
    """Ask who is told when something is wrong with the bridge itself."""
    _, draft = site.words, site.draft
    names = [recipient["name"] for recipient in draft.tables("recipients")]
    before = next(iter(draft.get("maintainer", "notify") or []), None)
    if before is None or before in names:
        choices = [*names, _("nobody: only `flicbridge status` says it")]
        default = names.index(before) if before is not None else len(names)
        question = _("Who is told when something is wrong with the bridge itself? Better not the SAMU")
        chosen = site.talk.choose(question, choices, default)
        if chosen < len(names) and names[chosen] != before:
            draft.put("maintainer", "notify", value=[names[chosen]])
