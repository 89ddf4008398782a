"""Every mistake an installer makes gets its place, its words and its remedy; none hides another."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flicbridge.config import load
from flicbridge.errors import ConfigError, Problem

type Check = Callable[..., tuple[Problem, ...]]

GESTURES = 'gestures = { long = "alert", double = "test" }'
FIRST_STEP = 'after = "0s"\nnotify = ["samu"]'
ALERTS = ("[doctor]", "[alerts]\n{}\n[doctor]")

# What is changed in the sound file; where the problem is, on which line; what it is; how to mend it.
MISTAKES = [
    pytest.param(
        'id = "tilleuls-1"', 'id = "tilleuls-1"\nlangage = "fr"',
        ("bridge.langage", 3, "unknown key", 'Did you mean "language"?'),
        id="misspelt key",
    ),
    pytest.param(
        'id = "tilleuls-1"', 'id = "tilleuls-1"\nkeep_days = 3',
        ("bridge.keep_days", 3, "unknown key", "It belongs in [alerts]."),
        id="key in the wrong section",
    ),
    pytest.param(
        'id = "tilleuls-1"', 'id = "tilleuls-1"\nxyzzy = 3',
        ("bridge.xyzzy", 3, "unknown key", "Known here: id, state_dir, language, timezone."),
        id="key that is like no other",
    ),
    pytest.param(
        "[doctor]", "[doktor]\n[doctor]",
        ("doktor", 4, "unknown key", 'Did you mean "doctor"?'),
        id="misspelt section",
    ),
    pytest.param(
        "longitude = 1.26105", "longitude = 1.26105, acuracy_m = 5",
        ("practice.position.acuracy_m", 11, "unknown key", 'Did you mean "accuracy_m"?'),
        id="misspelt key of an inline table",
    ),
    pytest.param(
        'secret = "phone"', 'secret = "phone", tiemout = "3s"',
        ("recipients[0].channels[0].tiemout", 21, "unknown key", 'Did you mean "timeout"?'),
        id="misspelt key of a channel",
    ),
    pytest.param(
        'secret = "phone"', 'secret = "phone", sime = 1',
        ("recipients[0].channels[0].sime", 21, "unknown key", 'Did you mean "sim"?'),
        id="misspelt key of this very transport",
    ),
    pytest.param(
        'id = "tilleuls-1"', 'id = "Tilleuls Étage 1"',
        (
            "bridge.id", 2, '"Tilleuls Étage 1" cannot be a name',
            'Use lower-case letters, digits, - and _, such as "tilleuls-etage-1".',
        ),
        id="name that is no slug",
    ),
    pytest.param(
        'phone = "+33612345678"', "phone = 33612345678",
        (
            "doctor.phone", 6, "33612345678 is not text in quotes",
            "It means: Number on which helpers call back, with country code."
            ' For example: phone = "+33612345678".',
        ),
        id="phone number without quotes",
    ),
    pytest.param(
        'phone = "+33612345678"\n', "",
        (
            "doctor.phone", 4, "is missing",
            "Add it: Number on which helpers call back, with country code."
            ' For example: phone = "+33612345678".',
        ),
        id="missing key",
    ),
    pytest.param(
        '[doctor]\nname = "Dr Anne Martin"\nphone = "+33612345678"\n', "",
        ("doctor", None, "is missing", "Add [doctor] with name, phone."),
        id="missing section",
    ),
    pytest.param(
        '[[plan]]\nafter = "0s"\nnotify = ["samu"]\n\n[[plan]]\nafter = "60s"\nunless = "acknowledged"\n'
        'notify = ["colleague"]\n', "",
        ("plan", None, "is missing", "Add [[plan]] with after, notify."),
        id="missing plan",
    ),
    pytest.param(
        "[doctor]", '[radio]\nsilence = "5s"\n\n[doctor]',
        ("radio.silence", 5, '"5s" is out of range', "Write at least 30s."),
        id="radio that is suspected all the time",
    ),
    pytest.param(
        "[doctor]", "[[doctor]]",
        ("doctor", 4, "a list is not a table", "Write [doctor] with single brackets, once."),
        id="double brackets where single ones belong",
    ),
    pytest.param(
        'name = "Dr Anne Martin"', 'name = "  "',
        ("doctor.name", 5, "is empty", "Write the text that people shall read here."),
        id="blank name",
    ),
    pytest.param(
        'name = "Dr Anne Martin"', 'name = "Dr\\nMartin"',
        ("doctor.name", 5, '"Dr\\nMartin" has line breaks or control characters', "Write it on one line."),
        id="line break in a name",
    ),
    pytest.param(
        "latitude = 45.83362", "latitude = 145.83362",
        ("practice.position.latitude", 11, "145.83362 is out of range", "Write at most 90."),
        id="latitude off the globe",
    ),
    pytest.param(
        "latitude = 45.83362", "latitude = nan",
        (
            "practice.position.latitude", 11, "nan is not a number",
            "It means: Degrees north, negative in the south. For example: latitude = 45.83362.",
        ),
        id="latitude that is no number",
    ),
    pytest.param(
        'id = "tilleuls-1"', 'id = "tilleuls-1"\ntimezone = "Europe/Pari"',
        ("bridge.timezone", 3, '"Europe/Pari" is no time zone', 'Write it like "Europe/Paris".'),
        id="unknown time zone",
    ),
    pytest.param(
        'id = "tilleuls-1"', 'id = "tilleuls-1"\nlanguage = "de"',
        ("bridge.language", 3, '"de" is not possible here', 'Write "fr" or "en".'),
        id="language we do not speak",
    ),
    pytest.param(
        ALERTS[0], ALERTS[1].format('fresh = "0s"'),
        ("alerts.fresh", 5, '"0s" is out of range', "Write more than 0s."),
        id="duration out of range",
    ),
    pytest.param(
        ALERTS[0], ALERTS[1].format("keep_days = 0"),
        ("alerts.keep_days", 5, "0 is out of range", "Write at least 1."),
        id="number out of range",
    ),
    pytest.param(
        ALERTS[0], ALERTS[1].format('test_notify = ["colleage"]'),
        (
            "alerts.test_notify[0]", 5, 'no recipient is called "colleage"',
            'Did you mean "colleague"?',
        ),
        id="tests for nobody",
    ),
    pytest.param(
        "[doctor]", '[api]\nlisten = "0.0.0.0:8600"\n[doctor]',
        (
            "api.listen", 5, '"0.0.0.0:8600" can be reached from other machines, or is no address',
            'Write an address of this machine with a port, such as "127.0.0.1:8600".',
        ),
        id="API open to the network",
    ),
    pytest.param(
        "[doctor]", '[rhythms]\ndouble = "short short"\n[doctor]',
        ("rhythms.double", 5, 'every button knows "double" already', "Use another name."),
        id="rhythm with a common name",
    ),
    pytest.param(
        'double = "test"', 'double = "tset"',
        (
            "buttons[0].gestures.double", 16, '"tset" is not possible here',
            'Did you mean "test"? Possible: "alert", "cancel", "test", "acknowledge" or "none".',
        ),
        id="unknown reaction",
    ),
    pytest.param(
        'long = "alert"', 'long = "cancel"',
        (
            "buttons", 13, "no button raises an alert, so nobody can call for help",
            'Give one a gesture for it, such as gestures = { long = "alert" }.',
        ),
        id="nobody could call for help",
    ),
    pytest.param(
        'family = "flic2"', 'family = "flic2"\nserial = "no serial"',
        (
            "buttons[0].serial", 16, '"no serial" is no serial number',
            "Leave it to `flicbridge pair`, or copy it from the button's back, such as \"BF12-A34567\".",
        ),
        id="no serial number",
    ),
    pytest.param(
        'family = "flic2"', 'family = "flic2"\nsimulated = true',
        (
            "buttons[0].simulated", 16,
            "anybody can make a button that passes for this one: the test key is public",
            "Remove it; or, for a rehearsal, write simulated = true in [radio] too.",
        ),
        id="test key outside a rehearsal",
    ),
    pytest.param(
        "[[recipients]]", f'[[buttons]]\nname = "poche"\nfamily = "virtual"\n{GESTURES}\n[[recipients]]',
        ("buttons[1].name", 19, '"poche" is taken by buttons[0]', "Give each of them a name of its own."),
        id="two buttons of one name",
    ),
    pytest.param(
        'transport = "http", ', "",
        (
            "recipients[0].channels[1].transport", 22, "is missing",
            'Add it: Which transport carries this channel. For example: transport = "email".',
        ),
        id="channel without transport",
    ),
    pytest.param(
        'notify = ["samu"]', 'notify = ["smau"]',
        ("plan[0].notify[0]", 31, 'no recipient is called "smau"', 'Did you mean "samu"?'),
        id="plan with an unknown recipient",
    ),
    pytest.param(
        'notify = ["samu"]', "notify = []",
        (
            "plan[0].notify", 31, "is empty",
            'It means: Recipients to tell in this step. For example: notify = ["colleague"].',
        ),
        id="step that tells nobody",
    ),
    pytest.param(
        'notify = ["colleague"]', 'notify = ["colleague", "samu", "colleague"]',
        (
            "plan[1].notify[2]", 36, '"colleague" is named already, in plan[1].notify[0]',
            "Name each recipient once in a list.",
        ),
        id="recipient told twice",
    ),
    pytest.param(
        'after = "0s"', 'after = "5s"',
        (
            "plan[0].after", 30, '"5s" would hold back every alert',
            'Write after = "0s" in the first step, later ones below.',
        ),
        id="first step that waits",
    ),
    pytest.param(
        FIRST_STEP, FIRST_STEP + '\nunless = "acknowledged"',
        (
            "plan[0].unless", 32, "nobody can have answered before the first step",
            "Remove it here; it belongs to later steps.",
        ),
        id="first step on a condition",
    ),
    pytest.param(
        "[doctor]", '[log]\nformat = "jsn"\n[doctor]',
        (
            "log.format", 5, '"jsn" is not possible here',
            'Did you mean "json"? Possible: "auto", "json" or "console".',
        ),
        id="unknown log format",
    ),
]  # fmt: skip

# The same for mistakes that other stages put into words: where, on which line, and what must be mentioned.
MISTAKES_IN_OTHERS_WORDS = [
    pytest.param(
        'phone = "+33612345678"', 'phone = "06 12 34 56 78"',
        ("doctor.phone", 6, '"+33612345678"'),
        id="phone number without country code",
    ),
    pytest.param(
        'to = "+33555000015"', 'to = "+3355500001"',
        ("recipients[0].channels[0].to", 21, "+3355500001"),
        id="bad phone number in a channel",
    ),
    pytest.param(
        'transport = "http"', 'transport = "htpt"',
        ("recipients[0].channels[1].transport", 22, "http, email, smsgate"),
        id="unknown transport",
    ),
    pytest.param(
        ALERTS[0], ALERTS[1].format('join_within = "soon"'),
        ("alerts.join_within", 5, '"10m"'),
        id="no duration",
    ),
    pytest.param(
        "[doctor]", '[rhythms]\nsos = "short longer"\n[doctor]',
        ("rhythms.sos", 5, '"long"'),
        id="rhythm of unknown presses",
    ),
    pytest.param(
        'double = "test"', 'duoble = "test"',
        ("buttons[0].gestures.duoble", 16, '"double"'),
        id="unknown gesture",
    ),
    pytest.param(
        'double = "test"', 'double = "test", "short short" = "cancel"',
        ('buttons[0].gestures."short short"', 16, '"double"'),
        id="two gestures that are one",
    ),
    pytest.param(
        GESTURES, GESTURES + '\nlong_press = "20ms"\ndebounce = "30ms"',
        ("buttons[0].gestures.long", 16, "long_press"),
        id="gesture that can never be made",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    problems: Check, old: str, new: str, expected: tuple[str, int | None, str, str]
) -> None:
    where, line, what, remedy = expected
    assert problems((old, new)) == (Problem(where, what, remedy, line),)


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES_IN_OTHERS_WORDS)
def test_the_advice_of_every_stage_reaches_the_installer(
    problems: Check, old: str, new: str, expected: tuple[str, int, str]
) -> None:
    where, line, mentioned = expected
    (problem,) = problems((old, new))
    assert (problem.where, problem.line) == (where, line)
    assert mentioned in f"{problem.what}. {problem.remedy}"
    assert problem.remedy.endswith((".", "?"))


def test_the_sound_file_is_sound(problems: Check) -> None:
    assert problems() == ()


def test_names_that_differ_in_case_only_are_the_same_name(problems: Check) -> None:
    found = problems(('name = "colleague"', 'name = "SAMU"'), ('notify = ["colleague"]', 'notify = ["samu"]'))
    assert ("recipients[1].name", '"SAMU" is taken by recipients[0]') in [(p.where, p.what) for p in found]


def test_two_buttons_cannot_share_a_serial_number(problems: Check) -> None:
    one = 'family = "flic2"\nserial = "BF12-A34567"'
    two = (
        f'[[buttons]]\nname = "tiroir"\nfamily = "flic2"\nserial = "bf12-a34567"\n{GESTURES}\n[[recipients]]'
    )
    (problem,) = problems(('family = "flic2"', one), ("[[recipients]]", two))
    assert (problem.where, problem.what) == ("buttons[1].serial", '"bf12-a34567" is taken by buttons[0]')


def test_every_mistake_is_found_at_once_in_the_order_of_the_file(problems: Check) -> None:
    found = problems(
        ('id = "tilleuls-1"', 'id = "tilleuls-1"\nlangage = "fr"'),
        ('phone = "+33612345678"', 'phone = "15"'),
        ("latitude = 45.83362", "latitude = 95"),
        ('double = "test"', 'duoble = "test", "short short" = "cancel", double = "tset"'),
        ('secret = "phone"', 'secret = "nowhere", sime = 1'),
        ('"https://alertes.example.fr/hook"', '"alertes.example.fr"'),
        ('after = "0s"\nnotify = ["samu"]', 'after = "1s"\nnotify = ["smau", "samu", "samu"]'),
        ('unless = "acknowledged"', 'unless = "ackowledged"'),
    )
    assert [problem.where for problem in found] == [
        "bridge.langage",
        "doctor.phone",
        "practice.position.latitude",
        "buttons[0].gestures.double",
        "buttons[0].gestures.duoble",
        "buttons[0].gestures.double",
        "recipients[0].channels[0].sime",
        "recipients[0].channels[0].secret",
        "recipients[0].channels[1].url",
        "plan[0].after",
        "plan[0].notify[2]",
        "plan[0].notify[0]",
        "plan[1].unless",
    ]
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)


def test_a_broken_entry_is_not_also_called_a_missing_one(problems: Check) -> None:
    # One wrong channel of one: pydantic would say besides that the list is too short.
    found = problems(('channels = [{ transport = "http"', 'channels = [{ transport = "htpt"'))
    assert [problem.where for problem in found] == ["recipients[1].channels[0].transport"]


def test_a_misspelt_reaction_is_not_also_called_a_missing_alert(problems: Check) -> None:
    found = problems(('long = "alert"', 'long = "alrt"'))
    assert [problem.where for problem in found] == ["buttons[0].gestures.long"]


def test_a_broken_rhythm_is_not_also_called_an_unknown_gesture(problems: Check) -> None:
    found = problems(
        ("[doctor]", '[rhythms]\nsos = "short longer"\n[doctor]'),
        ('double = "test"', 'sos = "test"'),
    )
    assert [problem.where for problem in found] == ["rhythms.sos"]


def test_a_problem_reads_as_one_line_with_the_file_the_key_and_the_line(problems: Check, sound: Path) -> None:
    (problem,) = problems(('family = "flic2"', 'family = "flic3"'))
    assert str(problem) == (
        'buttons[0].family (line 15): "flic3" is not possible here.'
        ' Did you mean "flicd"? Possible: "flic2", "flicd" or "virtual".'
    )
    with pytest.raises(ConfigError) as raised:
        load(sound)
    assert str(raised.value) == f"{sound}: {problem}"


@pytest.mark.parametrize(
    "line",
    [
        'url = "https://anne:s3cret@alertes.example.fr/hook", secret = "hub-key"',
        'url = "https://alertes.example.fr/hook", secret = "s3cret Password!"',
        'url = "https://alertes.example.fr/hook", secret = ["s3cret!"]',
        'url = "https://alertes.example.fr/hook", secret = "hub-key", password = "s3cret"',
        'url = ["https://anne:s3cret@alertes.example.fr/hook"], secret = "hub-key"',
        'url = "anne:s3cret@alertes.example.fr", secret = "hub-key", timeout = "x"',
    ],
)
def test_what_may_be_a_secret_is_not_repeated(problems: Check, line: str) -> None:
    found = problems(('url = "https://alertes.example.fr/hook", secret = "hub-key"', line))
    assert found
    assert "s3cret" not in "".join(map(str, found))


def test_every_mistake_is_told_in_plain_words(problems: Check) -> None:
    found = problems(
        ('id = "tilleuls-1"', "id = 3"),
        ('name = "Dr Anne Martin"', "name = { first = 1 }"),
        ("latitude = 45.83362", 'latitude = "north"'),
        (GESTURES, "gestures = []"),
        ('notify = ["samu"]', 'notify = "samu"'),
        ('transport = "smsgate"', 'transport = "smsgate", sim = "first"'),
        ('secret = "hub-key"', "secret = 2026-11-22"),
    )
    assert [problem.what for problem in found] == [
        "3 is not text in quotes",
        "a table is not text in quotes",
        '"north" is not a number',
        "a list is not a table",
        "this is not a whole number",
        "this is not text in quotes",
        '"samu" is not a list in square brackets',
    ]


def test_a_secret_that_is_missing_is_named_with_the_places_it_could_be_in(
    problems: Check, sound: Path
) -> None:
    (problem,) = problems(('secret = "phone"', 'secret = "sms-phone"'))
    assert problem.where == "recipients[0].channels[0].secret"
    assert problem.what == f'secret "sms-phone" is not in {sound.parent / "secrets"} or the environment'
    assert problem.remedy == (
        f"Write it to {sound.parent / 'secrets' / 'sms-phone'} (mode 600),"
        " or set FLICBRIDGE_SECRET_SMS_PHONE."
    )


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")
def test_a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it(
    problems: Check, sound: Path
) -> None:
    secret = sound.parent / "secrets" / "phone"
    secret.chmod(0o644)
    (problem,) = problems()
    assert problem.where == "recipients[0].channels[0].secret"
    assert problem.remedy == f"chmod 600 {secret}"
    secret.chmod(stat.S_IRUSR)
    assert problems() == ()


def test_a_secret_that_its_transport_cannot_use_is_refused(problems: Check, sound: Path) -> None:
    secret = sound.parent / "secrets" / "hub-key"
    secret.write_text("whsec_short")
    found = problems()
    assert [problem.where for problem in found] == ["recipients[0].channels[1]", "recipients[1].channels[0]"]
    assert "short" not in str(found[0])


def test_structure_is_checked_without_secrets_where_they_cannot_be_read(problems: Check, sound: Path) -> None:
    for secret in (sound.parent / "secrets").iterdir():
        secret.unlink()
    assert problems(secrets=False) == ()
    found = problems(('family = "flic2"', 'family = "flic3"'), secrets=False)
    assert [problem.where for problem in found] == ["buttons[0].family"]
