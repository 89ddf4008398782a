"""No name, number, place or secret of a practice gets into a bundle, however it is written there."""

import base64
import html
import io
import json
import tarfile
import tomllib
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flicbridge.alert.phone import checked, national
from flicbridge.config.settings import Settings
from flicbridge.config.shape import field_at
from flicbridge.errors import InputError
from flicbridge.logs import MASK
from flicbridge.outbox.inventory import Inventory
from flicbridge.selfcheck import bundle
from flicbridge.selfcheck.bundle import Evidence, members
from flicbridge.selfcheck.finding import Finding, fault
from flicbridge.selfcheck.kept import KEPT, hidden_in, server
from flicbridge.selfcheck.logbook import structured
from flicbridge.selfcheck.names import aliases, unlisted
from flicbridge.selfcheck.net import Net
from flicbridge.selfcheck.redact import personal_values, redacted_settings, redacted_status

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)

# A practice is a large example: making it smaller takes minutes, and says no more about what leaked.
hurried = hypothesis_settings(max_examples=15, phases=(Phase.explicit, Phase.generate))

# Letters that stand in no word of ours, so that finding them in a bundle means that somebody leaked.
RARE = "äößñçøœÆžŁ'\"\\&<>%+ -日本ж"

words = st.text(RARE + "qxz", min_size=6, max_size=14).filter(
    lambda text: len(text.strip()) >= 6 and text.strip() == text and sum(map(str.isalpha, text)) >= 5
)
phones = st.sampled_from(
    ["+33612345678", "+33555000015", "+33687654321", "+32470123456", "+262262123456", "+41791234567"]
).map(checked)
degrees = st.decimals(10, 89, places=5).filter(lambda number: number % 1 != 0)
secrets = st.text("ABCDEFabcdef0123456789+/=_-", min_size=12, max_size=30).map(lambda text: f"whsec_{text}")


@st.composite
def practices(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str], str]:
    """Settings as they stand in a file, every personal value in them by its place, and a secret."""
    people = {key: draw(words) for key in ("name", "practice", "address", "room", "access", "user", "path")}
    people |= {"phone": draw(phones), "to": draw(phones)}
    people |= {"latitude": str(draw(degrees)), "longitude": str(draw(degrees))}
    people["mail"] = draw(st.from_regex(r"[qxz]{5,9}\.[jkw]{4,8}@example\.fr", fullmatch=True))
    path, mail = quote(people["path"], safe=""), people["mail"]
    settings: dict[str, Any] = {
        "bridge": {"id": "tilleuls-1", "language": "fr"},
        "doctor": {"name": people["name"], "phone": people["phone"]},
        "practice": {
            "name": people["practice"],
            "address": people["address"],
            "room": people["room"],
            "access": people["access"],
            "position": {"latitude": float(people["latitude"]), "longitude": float(people["longitude"])},
        },
        "buttons": [{"name": "poche", "family": "flic2", "gestures": {"long": "alert"}}],
        "recipients": [
            {"name": "samu", "channels": [
                {"transport": "smsgate", "to": people["to"], "url": "http://192.168.1.20:8080",
                 "username": people["user"], "secret": "phone"},
                {"transport": "http", "secret": "hub-key",
                 "url": f"https://hooks.example.fr/{path}?who={quote_plus(people['user'])}"},
                {"transport": "email", "host": "smtp.example.fr", "from": mail, "to": [mail]},
            ]},
        ],
        "plan": [{"after": "0s", "notify": ["samu"]}],
    }  # fmt: skip
    people["latitude"], people["longitude"] = (
        str(settings["practice"]["position"][key]) for key in ("latitude", "longitude")
    )
    return settings, people, draw(secrets)


def numbers(e164: str) -> Iterator[str]:
    """A number in the ways in which people and programs write it."""
    digits, at_home = e164[1:], national(e164)
    yield from (e164, f"00{digits}", f"%2B{digits}", at_home, at_home.replace(" ", ""))
    yield from (at_home.replace(" ", between) for between in (".", "-", "\u00a0", "\u202f", "%20", "+"))


def forms(value: str) -> set[str]:
    """A value in the ways in which a bundle could show it."""
    texts = {value, unicodedata.normalize("NFD", value), value.upper(), value.lower()}
    written = {form for text in texts for form in (quote(text), quote(text, safe=""), quote_plus(text))}
    written |= {json.dumps(text)[1:-1] for text in texts} | {html.escape(text) for text in texts}
    written |= {json.dumps(text, ensure_ascii=False)[1:-1] for text in texts} | {repr(t)[1:-1] for t in texts}
    if value.startswith("+") and value[1:].isdigit():
        written |= {*numbers(value)}
    return texts | written


def everywhere(people: Mapping[str, str], secret: str) -> Evidence:
    """A status and a log that say everything that they must not, in all forms."""
    said = [form for value in (*people.values(), secret) for form in sorted(forms(value))]
    status = {
        "problems": [{"part": "channel:samu/0", "detail": f"to {form} refused"} for form in said],
        "channels": [{"channel": "samu/0", "last_error": f"«{form}»", "to": form} for form in said],
        "answered_by": said,
        "position": [float(people["latitude"]), float(people["longitude"])],
        "by_name": {form: {"at": AT.isoformat()} for form in said},
    }  # fmt: skip
    log = [{"event": f"sent to {form}", "level": "info", form: 1, "recipient": form, "n": 3} for form in said]
    return Evidence({}, frozenset({secret}), status, log, Inventory(5, 5, {"alert": 3}, None))


def leaks(files: Mapping[str, bytes], values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    texts = {name: content.decode() for name, content in files.items()}
    texts |= {
        f"{name} as read": str(json.loads(text)) for name, text in texts.items() if name.endswith(".json")
    }
    return [
        (file, key, form)
        for file, text in texts.items()
        for key, value in values.items()
        for form in forms(value)
        if form.lower() in text.lower()
    ]


@pytest.mark.lengthy
@hurried
@given(practices())
def test_no_personal_value_gets_into_a_bundle_in_any_form(
    practice: tuple[dict[str, Any], dict[str, str], str],
) -> None:
    raw, people, secret = practice
    said = everywhere(people, secret)
    evidence = Evidence(raw, said.secrets, said.status, said.log, said.inventory)
    findings = [fault("dns_failed", "{host} {why}", "Ask {host}.", host=people["name"], why=people["phone"])]
    files = members(findings, evidence, at=AT, _=str)
    assert leaks(files, {**people, "secret": secret}) == []


@pytest.mark.lengthy
@hurried
@given(practices(), st.data())
def test_values_in_wrong_places_do_not_leak_either(
    practice: tuple[dict[str, Any], dict[str, str], str], data: st.DataObject
) -> None:
    """In a file with mistakes, anything may stand under any key, and keys may be anything."""
    raw, people, secret = practice
    person = people[data.draw(st.sampled_from(sorted(people)))]
    for place in ("id", "language", "timezone", "nickname", person):
        raw["bridge"][place] = person
    raw["alerts"] = {"join_within": person, "tell_doctor": [person], "late": person}
    raw["buttons"][0] |= {"name": person, "serial": person, "link": [person], "gestures": {person: person}}
    raw["plan"] = person
    raw[person] = {person: person}
    files = members([], Evidence(raw, frozenset({secret})), at=AT, _=str)
    assert leaks(files, {"person": person, "secret": secret}) == []


def test_of_a_web_address_in_a_new_setting_the_keys_are_caught_and_common_words_are_not() -> None:
    net = Net(personal_values({"alerts": {"ping": "https://hc.example.fr/K3Y-of-mine"}}))
    assert net.clean("K3Y-of-mine at https://hc.example.fr") == f"{MASK} at https://hc.example.fr"
    assert net.clean("https://hc.example.fr/K3Y-of-mine") == MASK


# ---- what is left


SETTINGS = """
[bridge]
id = "tilleuls-1"
state_dir = "/var/lib/flicbridge"
timezone = "Europe/Paris"

[doctor]
name = "Dr Zoé Martin"
phone = "+33612345678"

[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = { latitude = 45.83362, longitude = 1.26105 }
access = ""

[rhythms]
sos = "short short long"

[[buttons]]
name = "poche"
family = "flic2"
serial = "BF12-A34567"
gestures = { sos = "alert", "short long" = "test" }

[[recipients]]
name = "hub"
channels = [
  { transport = "http", url = "https://who:what@hooks.example.fr:8443/T0/B0?k=v", secret = "hub-key" },
  { transport = "email", host = "smtp.orange.fr", port = 465, from = "zoe@orange.fr", to = ["b@c.fr"] },
]
"""


def test_what_a_support_person_needs_is_kept() -> None:
    raw = tomllib.loads(SETTINGS)
    kept = redacted_settings(raw)
    assert kept == {
        "bridge": {"id": "tilleuls-1", "state_dir": "/var/lib/flicbridge", "timezone": "Europe/Paris"},
        "doctor": {"name": MASK, "phone": MASK},
        "practice": {
            "name": MASK,
            "address": MASK,
            "position": {"latitude": MASK, "longitude": MASK},
            "access": "",
        },
        "rhythms": {"sos": "short short long"},
        "buttons": [
            {
                "name": "poche",
                "family": "flic2",
                "serial": "BF12-A34567",
                "gestures": {"sos": "alert", "***1": "test"},
            }
        ],
        "recipients": [
            {
                "name": "hub",
                "channels": [
                    {"transport": "http", "url": "https://hooks.example.fr:8443/***", "secret": "hub-key"},
                    {"transport": "email", "host": "smtp.orange.fr", "port": 465, "from": MASK, "to": [MASK]},
                ],
            }
        ],
    }
    net = Net(personal_values(raw))
    assert (
        net.clean("smtp.orange.fr and hooks.example.fr answer")
        == "smtp.orange.fr and hooks.example.fr answer"
    )
    assert net.clean("bridge tilleuls-1 of ZOE MARTIN") == f"bridge {MASK}-1 of {MASK} {MASK}"


def test_every_key_that_is_kept_exists() -> None:
    """A misspelt one would keep nothing, and a renamed one keeps what nobody thought of."""
    example = {
        "recipients": [{"channels": [{"transport": kind} for kind in ("http", "email", "smsgate")]}],
        "buttons": [{}],
        "plan": [{}],
    }
    missing = [key for key in KEPT if not any(_exists(key, example, place) for place in range(3))]
    assert missing == []


def _exists(key: str, example: dict[str, Any], place: int) -> bool:
    *outer, last = key.removeprefix("recipients.*.channels.*.").split(".")
    if key.startswith("recipients.*.channels"):
        return field_at(("recipients", 0, "channels", place, *outer, last), example) is not None
    where = tuple(0 if step == "*" and index == 1 else step for index, step in enumerate(key.split(".")))
    return field_at(where, example) is not None


def test_a_setting_that_is_added_tomorrow_is_masked() -> None:
    raw = {"doctor": {"name": "x", "birthday": 19700101}, "bridge": {"id": "b", "nickname": "Zoé"}}
    assert redacted_settings(raw) == {
        "doctor": {"name": MASK, "***1": MASK},
        "bridge": {"id": "b", "***1": MASK},
    }


@pytest.mark.parametrize(
    ("written", "kept"),
    [("off", "off"), ("1st tue 14:00", "1st tue 14:00"), ("martin 9:00", None), (7, None)],
)
def test_of_times_that_recur_only_such_are_kept(written: object, kept: str | None) -> None:
    assert KEPT["drills.own.at"](written) == kept


def test_no_setting_about_people_or_places_is_kept() -> None:
    private = [section for section in ("doctor", "practice") if section in Settings.model_fields]
    assert private == ["doctor", "practice"]
    assert [key for key in KEPT if key.split(".", maxsplit=1)[0] in private] == []
    telling = {"to", "from", "username", "phone", "address", "position"}
    assert [key for key in KEPT if key.rpartition(".")[2] in telling] == ["buttons.*.address"]  # of the radio


@pytest.mark.parametrize(
    ("url", "shown", "hidden"),
    [
        ("https://a.example.fr/hook/K3Y?t=T0KEN", "https://a.example.fr/***", {"hook", "K3Y", "t", "T0KEN"}),
        ("http://192.168.1.20:8080", "http://192.168.1.20:8080", set()),
        ("http://[fe80::1]:80/", "http://[fe80::1]:80", set()),
        ("https://u%20u:p@h.fr/%C3%A9", "https://h.fr/***", {"u%20u", "u u", "p", "%C3%A9", "é"}),
        ("ftp://h.fr/x", None, {"x"}),
        ("https://[", None, {"https://["}),
        (7, None, {"7"}),
    ],
)
def test_of_a_web_address_only_the_server_is_shown(url: object, shown: str | None, hidden: set[str]) -> None:
    assert server(url) == shown
    assert {*hidden_in(url)} == hidden


def test_a_status_keeps_codes_and_times_and_what_errors_say() -> None:
    status = {
        "ok": False,
        "bridge": {"id": "b", "version": "0.1.0", "started_at": "2026-11-22T12:00:00+00:00", "uptime_s": 3.5},
        "problems": [{"part": "channel:samu/0", "detail": "no answer within 5 s from +33612345678"}],
        "remark": "Dr Martin said hello",
        "alert": "a9d2b1c0-0000-5000-8000-000000000001",
    }
    assert redacted_status(status, Net([])) == {
        **status,
        "problems": [{"part": "channel:samu/0", "detail": f"no answer within 5 s from {MASK}"}],
        "remark": MASK,
    }


def test_a_name_is_numbered_wherever_it_stands_and_what_only_contains_a_short_one_is_left() -> None:
    raw = tomllib.loads(SETTINGS + '[[recipients]]\nname = "julie"\n[maintainer]\nnotify = ["jean", "hub"]\n')
    called = aliases(raw)
    assert called == {
        "hub": "recipient-1", "julie": "recipient-2", "jean": "recipient-3", "poche": "button-1",
    }  # fmt: skip
    net = Net([], aliases=called)
    assert net.clean("channel:hub/0 HUB hub-key a-hub hubs") == (
        "channel:recipient-1/0 recipient-1 hub-key a-hub hubs"
    )
    assert net.clean("julie-key of Julie, julien") == "recipient-2-key of recipient-2, julien"


def test_names_of_the_past_are_known_from_where_they_stand() -> None:
    said = [
        {"problems": [{"part": "channel:old/0"}], "buttons": [{"name": "sac"}], "drills": [{"name": "self"}]},
        {"event": "x", "by": "recipient:anne", "channel": 37, "button": "drill:own", "recipient": "Mme X"},
        {"event": "y", "button": "duo/small"},
    ]
    assert unlisted(said, {"sac": "button-1"}) == dict.fromkeys(("old", "anne", "duo"), MASK)


def test_only_lines_of_our_own_log_are_taken() -> None:
    text = '{"event": "bridge_ready", "n": 1}\nTraceback of Dr Martin\n{"no": "event"}\n[1]\n{"event": 7}'
    assert structured(text) == [{"event": "bridge_ready", "n": 1}]


def test_an_empty_net_catches_nothing() -> None:
    assert Net([]).through({"a": ["b", 1.5, None, True]}) == {"a": ["b", 1.5, None, True]}
    assert Net(["a", "Dr"]).clean("a Dr") == "a Dr"  # too short to be anybody


# ---- the archive


FINDINGS: list[Finding] = [fault("x", "Broken.", "Mend it.")]


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "b.zip"])
def test_an_archive_holds_every_file_and_is_its_owners_alone(tmp_path: Path, name: str) -> None:
    evidence = Evidence({"bridge": {}}, inventory=Inventory(5, 5, {"alert": 2}, None))
    files = members(FINDINGS, evidence, at=AT, _=str)
    bundle.write(tmp_path / name, files, AT)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert unpacked(tmp_path / name) == files
    assert {*files} == {
        "README.txt", "database.json", "findings.json", "findings.txt", "log.jsonl", "packages.txt",
        "settings.json",
    }  # fmt: skip
    assert json.loads(files["database.json"]) == {"schema": 5, "rows": {"alert": 2}}
    assert json.loads(files["findings.json"])["findings"][0]["check"] == "x"
    assert "bridge.timezone" in files["README.txt"].decode()
    assert "pydantic " in files["packages.txt"].decode()


def unpacked(file: Path) -> dict[str, bytes]:
    if file.name.endswith(".zip"):
        with zipfile.ZipFile(file) as zipped:
            return {name: zipped.read(name) for name in zipped.namelist()}
    with tarfile.open(fileobj=io.BytesIO(file.read_bytes())) as tar:
        return {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar}


def test_a_clock_before_1980_still_makes_a_zip(tmp_path: Path) -> None:
    bundle.write(tmp_path / "b.zip", {"a": b"b"}, datetime(1970, 1, 1, tzinfo=UTC))
    assert unpacked(tmp_path / "b.zip") == {"a": b"b"}


def test_a_name_that_is_taken_or_no_archives_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_bytes(b"mine")
    for name, why in (
        ("there.zip", "already"),
        ("b.rar", "no name for an archive"),
        ("no/b.zip", "does not exist"),
    ):
        with pytest.raises(InputError, match=why):
            bundle.check_target(tmp_path / name)
    with pytest.raises(InputError, match="cannot be written"):
        bundle.write(tmp_path / "there.zip", {}, AT)
    assert (tmp_path / "there.zip").read_bytes() == b"mine"
    bundle.check_target(tmp_path / "new.tar.gz")


def test_secrets_are_not_shown_by_whoever_carries_them() -> None:
    value = base64.b64encode(b"secret").decode()
    assert value not in repr(Evidence(secrets=frozenset({value})))
