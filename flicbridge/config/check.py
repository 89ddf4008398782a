"""What only shows when parts of the file are held against each other.

The checks read the parsed file itself, not the models, and pass over what does not look as it should: that
is reported elsewhere. So one mistake does not hide another.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.util import find_spec
from itertools import chain, islice, product
from typing import Any, Final

from pydantic import ValidationError

from flicbridge import durations
from flicbridge.alert.desk import Reaction
from flicbridge.alert.plan import Step
from flicbridge.alert.settings import AlertsSettings
from flicbridge.config.explain import nearest, split_advice
from flicbridge.config.finding import Finding, dotted
from flicbridge.config.lines import Where
from flicbridge.config.settings import Order, RecipientSettings
from flicbridge.fields import shown
from flicbridge.gesture.settings import GestureSettings, find_pattern
from flicbridge.gesture.table import COMMON, GestureTable, Pattern, Thresholds, parse_rhythm
from flicbridge.press.settings import Family

type Raw = Mapping[str, Any]

GESTURES: Final = ("gestures", "small_gestures")

MOST_REMINDERS: Final = 50
"""Of one step. Each is on disk before the press is acknowledged, so they cost time where there is none."""

SIMULATOR: Final = "bumble"
"""The package that the extra `simulator` brings and a simulated radio is made of."""


def across(raw: Raw) -> Iterator[Finding]:
    """Every contradiction between two places of the parsed file."""
    yield from _rhythm_names(raw)
    yield from _taken_names(raw)
    yield from _gestures(raw)
    yield from _small_buttons(raw)
    yield from _first_step(raw)
    yield from _ends(raw)
    yield from _reminders(raw)
    yield from _late(raw)
    yield from _repeated_recipients(raw)
    yield from _unknown_recipients(raw)
    yield from _simulation(raw)
    yield from _served_nowhere(raw)
    yield from _addresses(raw)
    yield from _alert_gesture(raw)


def tables(raw: Raw, section: str) -> Iterator[tuple[int, Raw]]:
    """The tables of `[[section]]` that are tables, each with its index."""
    listed = raw.get(section)
    if isinstance(listed, list):
        yield from ((index, table) for index, table in enumerate(listed) if isinstance(table, Mapping))


def table(raw: Raw, section: str) -> Raw:
    """The table `[section]`, empty if it is not one."""
    found = raw.get(section)
    return found if isinstance(found, Mapping) else {}


def texts(listed: object) -> Iterator[tuple[int, str]]:
    """The texts in a list, each with its index."""
    if isinstance(listed, list):
        yield from ((index, item) for index, item in enumerate(listed) if isinstance(item, str))


def _rhythm_names(raw: Raw) -> Iterator[Finding]:
    for name in table(raw, "rhythms"):
        if name in COMMON:
            yield Finding(("rhythms", name), f"every button knows {shown(name)} already", "Use another name.")


def _gestures(raw: Raw) -> Iterator[Finding]:
    """Gestures that do not exist, can never be made, or cannot be told from another one."""
    rhythms = {name: text for name, text in table(raw, "rhythms").items() if _is_rhythm(text)}
    for (index, button), key in product(tables(raw, "buttons"), GESTURES):
        patterns: dict[str, Pattern] = {}
        for name in table(button, key):
            if name in table(raw, "rhythms") and name not in rhythms:
                continue  # the rhythm itself is what must be mended
            try:
                patterns[name] = find_pattern(name, rhythms)
            except ValueError as error:
                yield Finding(("buttons", index, key, name), *split_advice(str(error)))
        for flaw in GestureTable(patterns, _thresholds(button)).problems():
            yield Finding(("buttons", index, key, flaw.name), flaw.what, flaw.remedy)


def _small_buttons(raw: Raw) -> Iterator[Finding]:
    """Only a Flic Duo has a small button; whether a Flic 2 is one is known once it is paired."""
    for index, button in tables(raw, "buttons"):
        family = button.get("family")
        if "small_gestures" in button and family in list(Family) and family != Family.FLIC2:
            what = f"a button of the family {shown(family)} has no small button"
            yield Finding(("buttons", index, "small_gestures"), what, "Remove it; only a Flic Duo has one.")


def _is_rhythm(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(parse_rhythm(text))
    except ValueError:
        return False


def _thresholds(button: Raw) -> Thresholds:
    """What tells presses apart on a button; the usual, if what it says of that cannot be read."""
    own = {key: button[key] for key in GestureSettings.model_fields if key in button}
    try:
        # As the bridge has it: no family of today hands on the bounces of its contacts.
        return GestureSettings.model_validate(own).thresholds(contacts_bounce=False)
    except ValidationError:
        return Thresholds()


def _taken_names(raw: Raw) -> Iterator[Finding]:
    own = (("buttons", "name"), ("buttons", "serial"), ("buttons", "address"), ("recipients", "name"))
    for section, key in own:
        seen: dict[str, int] = {}
        for index, entry in tables(raw, section):
            value = entry.get(key)
            if not isinstance(value, str) or not value.strip():
                continue
            first = seen.setdefault(value.strip().upper(), index)
            if first != index:
                what = f"{shown(value)} is taken by {section}[{first}]"
                yield Finding((section, index, key), what, f"Give each of them a {key} of its own.")


def _repeated_recipients(raw: Raw) -> Iterator[Finding]:
    """A later step may remind a recipient; the same one twice in one list is a slip."""
    seen: dict[tuple[Where, str], Where] = {}
    for place, name in chain(_plan_names(raw), _other_names(raw)):
        listed = (place[:-1], name)
        if seen.setdefault(listed, place) != place:
            what = f"{shown(name)} is named already, in {dotted(seen[listed])}"
            yield Finding(place, what, "Name each recipient once in a list.")


def _first_step(raw: Raw) -> Iterator[Finding]:
    step = next((step for index, step in tables(raw, "plan") if index == 0), {})
    if _duration(step.get("after")):
        what = f"{shown(step['after'])} would hold back every alert"
        yield Finding(("plan", 0, "after"), what, 'Write after = "0s" in the first step, later ones below.')
    if "unless" in step:
        what = "nobody can have answered before the first step"
        yield Finding(("plan", 0, "unless"), what, "Remove it here; it belongs to later steps.")


def _ends(raw: Raw) -> Iterator[Finding]:
    """Nothing is planned for after the time when an alert is given up."""
    end = _end(raw)
    lasts = {str(entry.get("name")): _last_turn(entry) for _, entry in tables(raw, "recipients")}
    for index, step in tables(raw, "plan"):
        after = _duration(step.get("after"))
        if after is None:
            continue
        if after >= end:
            what = f"by then an alert has been given up (alerts.give_up_after is {durations.show(end)})"
            yield Finding(("plan", index, "after"), what, "Let this step come sooner, or give up later.")
            continue
        for place, name in texts(step.get("notify")):
            if after + lasts.get(name, timedelta(0)) >= end:
                what = f"the last channel of {shown(name)} would have its turn after the alert is given up"
                remedy = "Lower its next_after, or give up later."
                yield Finding(("plan", index, "notify", place), what, remedy)


def _end(raw: Raw) -> timedelta:
    given = _duration(table(raw, "alerts").get("give_up_after"))
    return given if given is not None else AlertsSettings().give_up_after


def _last_turn(recipient: Raw) -> timedelta:
    """How long after the first channel of a recipient the last one's turn comes, if nobody answers."""
    channels = recipient.get("channels")
    if recipient.get("order") != Order.IN_TURN or not isinstance(channels, list):
        return timedelta(0)
    wait = _duration(recipient.get("next_after"))
    if wait is None:
        wait = RecipientSettings.model_fields["next_after"].default
    return wait * max(0, len(channels) - 1)


def _reminders(raw: Raw) -> Iterator[Finding]:
    """Reminders without a rhythm, without room before the end, or more than anybody would read."""
    end = _end(raw)
    for index, step in tables(raw, "plan"):
        after, repeat, times = (step.get(key) for key in ("after", "repeat", "times"))
        if repeat is None and times is not None:
            remedy = 'Write repeat = "5m" beside it, or remove it.'
            yield Finding(("plan", index, "times"), "nothing is repeated, so it means nothing", remedy)
        begins, every = _duration(after), _duration(repeat)
        if begins is None or not every:
            continue
        most = times if isinstance(times, int) and times > 0 else None
        reminders = Step(begins, (), repeat=every, times=most).reminders(end)
        number = sum(1 for _ in islice(reminders, MOST_REMINDERS + 1))
        if not number:
            what = "the alert is given up before the first reminder"
            yield Finding(("plan", index, "repeat"), what, "Remind sooner, or give up later.")
        elif number > MOST_REMINDERS:
            what = f"there would be more than {MOST_REMINDERS} reminders until the alert is given up"
            remedy = f"Remind more seldom, or at most so often: times = {MOST_REMINDERS}."
            yield Finding(("plan", index, "repeat"), what, remedy)


def _late(raw: Raw) -> Iterator[Finding]:
    """A press is late before it is old."""
    late = table(table(raw, "alerts"), "late")
    fresh, after = _duration(table(raw, "alerts").get("fresh")), _duration(late.get("after"))
    fresh = AlertsSettings().fresh if fresh is None else fresh
    if after is not None and after < fresh:
        what = f"a press is called late only when it is older than {durations.show(fresh)} (alerts.fresh)"
        yield Finding(("alerts", "late", "after"), what, "Let it be longer than alerts.fresh.")


def _duration(value: object) -> timedelta | None:
    try:
        return durations.parse(value)
    except ValueError:
        return None


def _unknown_recipients(raw: Raw) -> Iterator[Finding]:
    names = (entry.get("name") for _, entry in tables(raw, "recipients"))
    known = list(dict.fromkeys(name for name in names if isinstance(name, str)))
    if not known:
        return  # nobody could be named rightly, and that is reported already
    for where, name in chain(_plan_names(raw), _other_names(raw)):
        if name not in known:
            near = nearest(name, known)
            remedy = f'Did you mean "{near}"?' if near else f"There are: {', '.join(known)}."
            yield Finding(where, f"no recipient is called {shown(name)}", remedy)


def _plan_names(raw: Raw) -> Iterator[tuple[Where, str]]:
    for index, step in tables(raw, "plan"):
        yield from ((("plan", index, "notify", place), name) for place, name in texts(step.get("notify")))


def _other_names(raw: Raw) -> Iterator[tuple[Where, str]]:
    for place, name in texts(table(raw, "alerts").get("test_notify")):
        yield ("alerts", "test_notify", place), name
    for place, name in texts(table(raw, "alerts").get("tell_doctor")):
        yield ("alerts", "tell_doctor", place), name
    for place, name in texts(table(table(raw, "alerts"), "late").get("notify")):
        yield ("alerts", "late", "notify", place), name
    for kind in ("own", "exercise"):
        for place, name in texts(table(table(raw, "drills"), kind).get("notify")):
            yield ("drills", kind, "notify", place), name
    for place, name in texts(table(raw, "maintainer").get("notify")):
        yield ("maintainer", "notify", place), name


def _served_nowhere(raw: Raw) -> Iterator[Finding]:
    """A link to a bridge that listens nowhere leads nowhere, and no Prometheus asks on a Unix socket."""
    api = table(raw, "api")
    if "listen" in api:
        return
    what = "nothing listens there: this bridge can only be asked on its Unix socket"
    remedies = {
        "public_url": 'Write listen = "127.0.0.1:8600" too, and let the proxy or tunnel lead there.',
        "metrics_token": 'Write listen = "127.0.0.1:8600" too, and let Prometheus ask there.',
    }
    for key, remedy in remedies.items():
        if key in api:
            yield Finding(("api", key), what, remedy)


def _simulation(raw: Raw) -> Iterator[Finding]:
    is_simulated = table(raw, "radio").get("simulated") is True
    is_test_bench = table(raw, "radio").get("believe_test_key") is True
    if is_simulated and find_spec(SIMULATOR) is None:
        what = "a simulated radio needs the extra `simulator`, which is not installed"
        yield Finding(("radio", "simulated"), what, 'Run: pip install "flicbridge[simulator]".')
    for index, button in tables(raw, "buttons"):
        if button.get("simulated") is True and not (is_simulated or is_test_bench):
            what = "anybody can make a button that passes for this one: the test key is public"
            remedy = "Remove it; or, for a rehearsal, write simulated = true in [radio] too."
            yield Finding(("buttons", index, "simulated"), what, remedy)


def _addresses(raw: Raw) -> Iterator[Finding]:
    for index, button in tables(raw, "buttons"):
        family, address = button.get("family"), button.get("address", "")
        if family == Family.FLICD and address == "":
            what = "is missing; flicd knows a button by its address only"
            remedy = 'Write it as flicd\'s tools show it: address = "80:e4:da:71:b2:c3".'
            yield Finding(("buttons", index, "address"), what, remedy)
        elif family in (Family.FLIC2, Family.VIRTUAL) and address != "":
            what = f"has no meaning for the family {shown(family)}"
            yield Finding(("buttons", index, "address"), what, 'Remove it, or write family = "flicd".')


def _alert_gesture(raw: Raw) -> Iterator[Finding]:
    gestures = [table(button, "gestures") for _, button in tables(raw, "buttons")]
    small = [table(button, "small_gestures") for _, button in tables(raw, "buttons")]
    reactions = [reaction for gesture in (*gestures, *small) for reaction in gesture.values()]
    is_clear = all(gestures) and all(reaction in list(Reaction) for reaction in reactions)
    if gestures and is_clear and Reaction.ALERT not in reactions:
        what = "no button raises an alert, so nobody can call for help"
        yield Finding(("buttons",), what, 'Give one a gesture for it, such as gestures = { long = "alert" }.')
