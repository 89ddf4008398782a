"""The stage plays the real bridge with the installer's settings, and nothing leaves the house."""

import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from flicbridge.alert.alert import AlertKind
from flicbridge.config.settings import Settings
from flicbridge.simulator.gateways import FakeHttp, FakeSmtp
from flicbridge.simulator.overhear import Entry, overheard
from flicbridge.simulator.practice import built_in
from flicbridge.simulator.scenario_file import ScenarioFile
from flicbridge.simulator.stage import Performance, perform
from flicbridge.simulator.standins import Cast
from flicbridge.simulator.timeline import Moment, What
from flicbridge.simulator.verdict import judge

type Play = Callable[..., Performance]
type ReadSettings = Callable[[str], Settings]

SETTINGS = """
[bridge]
id = "lilas-1"
state_dir = "state"

[doctor]
name = "Dr Jeanne Roy"
phone = "+33699887766"

[practice]
name = "Cabinet des Lilas"
address = "3 place des Lilas, 19000 Tulle"

[[buttons]]
name = "blouse"
family = "flic2"
gestures = { long = "alert", double = "test" }

[[buttons]]
name = "bureau"
family = "virtual"
gestures = { single = "alert", triple = "cancel" }

[[recipients]]
name = "samu"
channels = [ { transport = "smsgate", url = "URL", secret = "phone", to = "+33555000015" } ]

[[recipients]]
name = "hub"
channels = [ { transport = "http", url = "URL/hook?site=3", secret = "hub" } ]

[[recipients]]
name = "garde"
channels = [ MAIL ]

[[plan]]
after = "0s"
notify = ["samu", "hub", "garde"]
"""
MAIL = (
    '{ transport = "email", host = "smtp.example.fr", security = "SECURITY", username = "roy",'
    ' secret = "mail", from = "a@example.fr", to = "garde@example.fr" }'
)
PRESS = """
title = "x"
[[steps]]
at = "1s"
do = "press"
reaction = "alert"
[expect]
alerts = 1
"""


def settings_for(url: str = "https://alertes.example.fr", security: str = "starttls") -> str:
    return SETTINGS.replace("MAIL", MAIL).replace("URL", url).replace("SECURITY", security)


def assert_passed(played: Performance) -> None:
    assert [check for check in judge(played).checks if not check.ok] == []


def kinds(played: Performance, *of: What) -> list[What]:
    return [moment.what for moment in played.story.timeline.moments if moment.what in of]


# -- nothing leaves the house --------------------------------------------------------------------------------


@pytest.fixture
def provider() -> Iterator[socket.socket]:
    """A real provider's address: a port that listens, and would know who knocked."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.setblocking(False)
        yield listening


def test_the_request_arrives_at_the_fake_and_never_at_the_provider(
    play: Play, read_settings: ReadSettings, provider: socket.socket
) -> None:
    port = provider.getsockname()[1]
    text = settings_for(f"http://127.0.0.1:{port}").replace(
        'host = "smtp.example.fr"', f'host = "127.0.0.1", port = {port}'
    )
    played = play(PRESS, read_settings(text))
    assert sorted(letter.recipient for letter in played.story.letters) == ["garde", "hub", "samu"]
    assert_passed(played)
    with pytest.raises(BlockingIOError):
        provider.accept()


def test_the_names_of_providers_are_not_even_looked_up(
    play: Play, read_settings: ReadSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[object] = set()
    look_up = socket.getaddrinfo

    def watched(host: object, *rest: object, **more: object) -> object:
        asked.add(host)
        return look_up(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    assert_passed(play(PRESS, read_settings(settings_for())))
    assert asked == {"127.0.0.1"}


def test_the_installers_state_and_port_are_left_alone(
    play: Play, read_settings: ReadSettings, tmp_path: Path, provider: socket.socket
) -> None:
    listen = f'[api]\nlisten = "127.0.0.1:{provider.getsockname()[1]}"\n'
    settings = read_settings(settings_for() + listen)
    assert_passed(play(PRESS, settings))
    assert not settings.bridge.state_dir.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.toml"]


# -- as few replacements as possible -------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_what_is_encrypted_is_rehearsed_encrypted(
    play: Play, read_settings: ReadSettings, security: str
) -> None:
    played = play(PRESS, read_settings(settings_for(security=security)))
    assert_passed(played)
    mailbox, hub = played.standins["garde/0"].gateway, played.standins["hub/0"].gateway
    assert isinstance(mailbox, FakeSmtp)
    (mail,) = mailbox.received
    assert mail.encrypted
    assert mail.login == "roy"
    assert isinstance(hub, FakeHttp)
    assert hub.url.startswith("https://")


def test_the_messages_are_those_of_the_installers_practice(play: Play, read_settings: ReadSettings) -> None:
    played = play(PRESS, read_settings(settings_for()))
    (sms,) = [letter for letter in played.story.letters if letter.recipient == "samu"]
    assert "Dr Jeanne Roy 06 99 88 77 66" in sms.text
    assert "3 place des Lilas" in sms.text
    (hook,) = [letter for letter in played.story.letters if letter.recipient == "hub"]
    assert hook.data is not None
    assert hook.data["bridge"] == "lilas-1"


def test_a_strangers_transport_is_played_by_a_webhook(
    play: Play, read_settings: ReadSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugin"
    about = plugin / "pigeon-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[flicbridge.transports]\npigeon = pigeon:Pigeon\n")
    (plugin / "pigeon.py").write_text(
        "from flicbridge.transport.base import ChannelOptions, Transport\n"
        "class Options(ChannelOptions):\n    loft: str\n"
        "class Pigeon(Transport):\n    Options = Options\n"
        "    async def deliver(self, message):\n        raise AssertionError('a real pigeon was sent')\n"
    )
    monkeypatch.syspath_prepend(plugin)
    text = SETTINGS.replace("MAIL", '{ transport = "pigeon", loft = "north" }').replace(
        "URL", "http://a.example.fr"
    )
    try:
        played = play(PRESS, read_settings(text))
    finally:
        sys.modules.pop("pigeon", None)
    assert_passed(played)
    assert played.standins["garde/0"].is_stopgap
    assert [letter.medium for letter in played.story.letters if letter.recipient == "garde"] == ["webhook"]


# -- what can befall a bridge --------------------------------------------------------------------------------


def test_a_press_under_way_when_the_power_fails_is_told_again_by_the_button(play: Play) -> None:
    played = play("""
title = "power fails while the finger is still down"
[[steps]]
at = "1s"
do = "press"
reaction = "alert"
[[steps]]
at = "1.5s"
do = "crash"
[[steps]]
at = "70s"
do = "start"
[[steps]]
at = "80s"
do = "wait"
[expect]
alerts = 1
late = true
within = "8s"
after_fault = true
""")
    assert_passed(played)
    assert kinds(played, What.CRASHED, What.STARTED, What.GESTURE, What.TAKEN) == [
        What.CRASHED,
        What.STARTED,
        What.GESTURE,
        What.TAKEN,
    ]


def test_a_power_cut_leaves_the_disk_as_it_was_in_that_very_moment(play: Play) -> None:
    text = """
title = "committed, and nothing sent"
[[steps]]
at = "1s"
do = "crash"
upon_commit = true
[[steps]]
at = "2s"
do = "press"
reaction = "alert"
[[steps]]
at = "20s"
do = "wait"
[expect]
alerts = 1
undelivered = 3
[[expect.messages]]
channel = "all"
"""
    played = play(text)
    assert_passed(played)
    assert {
        (fate.state, fate.attempts) for fate in played.evidence.fates if fate.channel != "collegue/0"
    } == {("sending", 1)}
    assert played.story.letters == []


def test_a_power_cut_that_never_comes_is_an_obstacle(play: Play) -> None:
    played = play("""
title = "nobody presses"
[[steps]]
at = "1s"
do = "crash"
upon_commit = true
[[steps]]
at = "2s"
do = "start"
[[steps]]
at = "3s"
do = "wait"
[expect]
alerts = 0
""")
    assert [check.rule for check in judge(played).checks if not check.ok] == ["played"]


def test_a_virtual_button_is_pressed_through_the_bridge(play: Play, read_settings: ReadSettings) -> None:
    played = play(
        """
title = "virtual"
[[steps]]
at = "1s"
do = "press"
button = "bureau"
gesture = "single"
[[steps]]
at = "3s"
do = "press"
reaction = "cancel"
[expect]
alerts = 1
cancelled = 1
state = "cancelled"
within = "1s"
""",
        read_settings(settings_for()),
    )
    assert_passed(played)


def test_a_virtual_button_without_a_bridge_is_an_obstacle(play: Play, read_settings: ReadSettings) -> None:
    played = play(
        """
title = "virtual, and the bridge is dead"
[[steps]]
at = "1s"
do = "crash"
[[steps]]
at = "2s"
do = "press"
button = "bureau"
gesture = "single"
[expect]
alerts = 0
""",
        read_settings(settings_for()),
    )
    assert [check.rule for check in judge(played).checks if not check.ok] == ["played"]


def test_a_press_while_the_adapter_is_off_arrives_when_it_is_on_again(play: Play) -> None:
    played = play("""
title = "radio off"
[[steps]]
at = "1s"
do = "radio_off"
[[steps]]
at = "5s"
do = "press"
reaction = "alert"
[[steps]]
at = "40s"
do = "radio_on"
[[steps]]
at = "1m20s"
do = "wait"
[expect]
alerts = 1
within = "30s"
after_fault = true
""")
    assert_passed(played)


def test_a_button_with_a_new_battery_is_heard_again(play: Play) -> None:
    played = play("""
title = "new battery"
[[steps]]
at = "1s"
do = "change_battery"
[[steps]]
at = "40s"
do = "press"
reaction = "alert"
[expect]
alerts = 1
within = "3s"
""")
    assert_passed(played)


class Careless:
    """An audience in whose presence something goes wrong."""

    def opens(self, cast: Cast) -> None: ...

    def sees(self, moment: Moment) -> None:
        if moment.what is What.FINGER_DOWN:
            structlog.get_logger().error("store_refused", error="disk I/O error")


@pytest.mark.parametrize(
    ("expected", "failing"),
    [("", ["errors"]), ('errors = ["store_refused"]', []), ('errors = ["x"]', ["errors"] * 2)],
)
def test_an_error_in_the_log_fails_the_scenario_unless_it_is_expected(
    read_scenario: Callable[[str], ScenarioFile], expected: str, failing: list[str]
) -> None:
    file = read_scenario(PRESS + expected)
    played = perform(file.scenario, built_in(file), Careless(), fast=True)
    assert [check.rule for check in judge(played).checks if not check.ok] == failing


def test_somebody_who_answers_in_time_spares_the_next_step_of_the_plan(play: Play) -> None:
    played = play("""
title = "acknowledged"
[[steps]]
at = "1s"
do = "press"
reaction = "alert"
[[steps]]
at = "30s"
do = "acknowledge"
[[steps]]
at = "1m30s"
do = "wait"
[expect]
alerts = 1
state = "acknowledged"
[[expect.messages]]
channel = "collegue"
""")
    assert_passed(played)
    assert kinds(played, What.MOVED) == [What.MOVED]


def test_a_gateway_that_hangs_for_a_while_gets_its_message_later(play: Play) -> None:
    played = play("""
title = "hangs"
[[steps]]
at = "1s"
do = "fault"
channel = "hub"
fault = { kind = "hang" }
[[steps]]
at = "2s"
do = "press"
reaction = "alert"
[[steps]]
at = "12s"
do = "heal"
channel = "hub"
[[steps]]
at = "50s"
do = "wait"
[expect]
alerts = 1
within = "20s"
after_fault = true
""")
    assert_passed(played)
    by_channel = {letter.recipient: played.story.took_s(letter) for letter in played.story.letters}
    assert all(by_channel[name] < 2 for name in ("samu", "secretariat"))  # type: ignore[operator]


def test_a_reply_that_is_lost_on_the_way_makes_nobody_act_twice(play: Play) -> None:
    played = play("""
title = "lost replies"
[[steps]]
at = "1s"
do = "fault"
fault = { kind = "drop_reply", times = 1 }
[[steps]]
at = "2s"
do = "press"
reaction = "alert"
[[steps]]
at = "15s"
do = "wait"
[expect]
alerts = 1
""")
    assert_passed(played)
    assert [standin.gateway.duplicates for standin in played.standins.values()] == [1, 1, 1, 0]


def test_tests_are_told_apart_from_alerts(play: Play) -> None:
    played = play(PRESS.replace('"alert"', '"test"').replace("alerts = 1", "alerts = 0\ntests = 1"))
    assert_passed(played)
    assert [standing.alert.kind for standing in played.evidence.standings] == [AlertKind.TEST]


# -- listening in --------------------------------------------------------------------------------------------


def test_a_rehearsal_leaves_the_logging_of_the_process_as_it_was(play: Play) -> None:
    before = (structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level)
    play(PRESS)
    assert (structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level) == before


def test_the_log_is_heard_with_its_facts_and_its_failures(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[Entry] = []
    with overheard(heard.append, show=False):
        structlog.get_logger().bind(button="poche").debug("seen", rssi_dbm=-60)
        logging.getLogger("asyncio").error("Task exception was never retrieved")
        try:
            raise ValueError("broken")
        except ValueError:
            structlog.get_logger().exception("part_failed")
    assert heard == [
        Entry("debug", "seen", {"button": "poche", "rssi_dbm": -60}),
        Entry("error", "asyncio", {"detail": "Task exception was never retrieved"}),
        Entry("error", "part_failed", {"exception": "ValueError: broken"}),
    ]
    assert capsys.readouterr() == ("", "")


def test_the_log_can_be_shown_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    with overheard(lambda _entry: None, show=True):
        structlog.get_logger().info("bridge_ready")
        structlog.get_logger().debug("too_much")
    shown = capsys.readouterr()
    assert "bridge_ready" in shown.err
    assert "too_much" not in shown.err
    assert shown.out == ""
