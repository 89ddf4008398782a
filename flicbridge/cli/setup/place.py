"""Step 4: the address, and the practice on the map. Asked once, here; an alert never waits for it."""

from typing import TYPE_CHECKING, Any

from flicbridge.cli.setup import answers
from flicbridge.cli.setup.site import Site
from flicbridge.cli.shared import Translate, printable, table, wait_for
from flicbridge.errors import LookupRefusedError

if TYPE_CHECKING:
    from flicbridge.place.geocode import Candidate


def ask_place(site: Site) -> None:
    """Ask for the address and find its coordinates; both are written as soon as they are known.

    Helpers go where the coordinates are. So an address is never written beside those of another one.
    """
    _, talk, draft = site.words, site.talk, site.draft
    before = draft.text("practice", "address")
    address = talk.ask(_("Address of the practice, with postcode and town"), answers.line(_), before)
    if address != before:
        _keep(site, address, None)
    elif known := draft.get("practice", "position"):
        asked = _("Address: {address}; on the map: {place}. Keep them?")
        if talk.agrees(asked.format(address=address, place=_shown(known)), default=True):
            return
    _locate(site, address)


def _locate(site: Site, address: str) -> None:
    """Find where an address is, with the base or by hand."""
    _, talk = site.words, site.talk
    while True:
        found = _found(site, address)
        if found:
            talk.say(_candidates(found, _))
        again, by_hand, without = (
            _("search for another spelling"),
            _("none of these: type the coordinates") if found else _("type the coordinates"),
            _("go on without a point on the map"),
        )
        choices = [*(each.label for each in found), again, by_hand, without]
        chosen = talk.choose(_("Which one"), choices, 0 if found else 1)
        if chosen < len(found):
            return _take(site, address, found[chosen])
        if choices[chosen] == by_hand:
            return _type_in(site, _agreed(site, address))
        if choices[chosen] == without:
            _keep(site, _agreed(site, address), None)
            return talk.say(
                _("Helpers get the address alone. Run `flicbridge setup` again to add the point.")
            )
        address = talk.ask(_("Another spelling"), answers.line(_), address)


def _found(site: Site, address: str) -> "list[Candidate]":
    """What the address may be; nothing if the base does not say, which is told."""
    from flicbridge.place.geocode import find_address

    _ = site.words
    try:
        found = wait_for(find_address(address, site.draft.settings().setup.geocoder))
    except LookupRefusedError as error:
        site.talk.say(_why(error.reason, _))
        return []
    if not found:
        site.talk.say(_("The national address base knows no such address."))
    return found


def _why(reason: str, _: Translate) -> str:
    known = {
        "too_often": _("The national address base was asked too often. Wait some seconds, and try again."),
        "no_answer": _("The national address base does not answer."),
        "unreachable": _("The national address base cannot be reached. Is this computer on the Internet?"),
    }
    return known.get(reason, _("The national address base gave no answer that makes sense."))


def _candidates(found: "list[Candidate]", _: Translate) -> Any:
    rows = table("", _("Address"), _("Town"), _("Fits"), _("What was found"))
    for number, each in enumerate(found, start=1):
        score = f"{each.score:.0%}".replace("%", " %")
        rows.add_row(str(number), printable(each.label), printable(each.city), score, _precision(each, _))
    return rows


def _precision(candidate: "Candidate", _: Translate) -> str:
    known = {
        "housenumber": _("the door"),
        "street": _("the street only"),
        "locality": _("the locality only"),
        "municipality": _("the town only"),
    }
    return known.get(candidate.precision, "?")


def _take(site: Site, address: str, chosen: "Candidate") -> None:
    """Write down where it is, and the spelling that found it; or, if that is wanted, that of the base."""
    from flicbridge.place.geocode import Precision

    _, where = site.words, chosen.position
    label = printable(chosen.label)
    if _letters(label) != _letters(address) and _is_better(site, label):
        address = label
    _keep(site, address, _rounded(where.latitude_deg, where.longitude_deg))
    if chosen.precision is not Precision.HOUSE:
        site.talk.say(_("This is not the door itself. Say in the access how to find it."))


def _agreed(site: Site, spelling: str) -> str:
    """The address, where it was searched for by another spelling and nothing shows which of them it is."""
    before = site.draft.text("practice", "address")
    return spelling if spelling == before or _is_better(site, spelling) else before


def _is_better(site: Site, address: str) -> bool:
    question = site.words('Write the address like this: "{address}"?')
    return site.talk.agrees(question.format(address=address), default=True)


def _keep(site: Site, address: str, position: dict[str, float] | None) -> None:
    """Write an address down together with its coordinates, or without any; and show what helpers will get."""
    _ = site.words
    where = "practice", "position"
    values: dict[tuple[str | int, ...], Any] = {("practice", "address"): address}
    if position is None:
        return site.draft.put_all(values, remove=[where])
    site.draft.put_all({**values, where: position})
    said = _("Address: {address}; on the map: {place}.")
    return site.talk.say(said.format(address=address, place=_shown(position)))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _type_in(site: Site, address: str) -> None:
    _ = site.words
    question = _("Latitude and longitude, as a map shows them")
    while True:
        typed = site.talk.ask(question, answers.coordinates(_))
        is_odd = answers.far_from_france(typed.latitude, typed.longitude)
        if not is_odd or site.talk.agrees(_("This is far from mainland France. Is it right?"), default=False):
            break
    _keep(site, address, _rounded(typed.latitude, typed.longitude))


def _rounded(latitude_deg: float, longitude_deg: float) -> dict[str, float]:
    """Five decimals are about a metre."""
    return {"latitude": round(latitude_deg, 5), "longitude": round(longitude_deg, 5)}


def _shown(position: dict[str, float]) -> str:
    return f"{position['latitude']:.5f},{position['longitude']:.5f}"
