"""Scenarios with buttons behind flicd: played on the stand-in, never with the installer's own flicd."""

import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from flicbridge.config.settings import Settings
from flicbridge.simulator.stage import Performance
from flicbridge.simulator.timeline import What
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
name = "poche"
family = "flicd"
address = "80:e4:da:71:b2:c3"
gestures = { single = "alert", double = "test" }

[flicd]
port = PORT

[[recipients]]
name = "hub"
channels = [ { transport = "http", url = "https://alertes.example.fr/hook", secret = "hub" } ]

[[plan]]
after = "0s"
notify = ["hub"]
"""

PRESSES = """
title = "Two at once"
[[steps]]
at = "1s"
do = "press"
gesture = "double"
[[steps]]
at = "5s"
do = "press"
reaction = "alert"
[expect]
alerts = 1
tests = 1
"""

AWAY = """
title = "Out of reach"
[[steps]]
at = "1s"
do = "out_of_range"
[[steps]]
at = "2s"
do = "press"
reaction = "alert"
[[steps]]
at = "5m"
do = "back_in_range"
[[steps]]
at = "6m"
do = "press"
reaction = "alert"
[expect]
alerts = 1
joined = 1
late = true
"""

POWER_CUT = """
title = "Power cut"
[[steps]]
at = "1s"
do = "crash"
[[steps]]
at = "2s"
do = "start"
[[steps]]
at = "10s"
do = "press"
reaction = "alert"
[expect]
alerts = 1
within = "3s"
"""


@pytest.mark.parametrize("scenario", [PRESSES, AWAY, POWER_CUT], ids=["presses", "away", "power cut"])
def test_a_scenario_is_played_on_the_stand_in_and_goes_as_it_should(
    play: Play, read_settings: ReadSettings, scenario: str
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as own:
        own.setblocking(False)
        played = play(scenario, read_settings(SETTINGS.replace("PORT", str(own.getsockname()[1]))))
        with pytest.raises(BlockingIOError):
            own.accept()
    assert [check for check in judge(played).checks if not check.ok] == []


def test_the_story_tells_when_flicd_has_lost_and_found_the_button(
    play: Play, read_settings: ReadSettings
) -> None:
    played = play(AWAY, read_settings(SETTINGS.replace("PORT", "5551")))
    links = [m.what for m in played.story.timeline.moments if m.what in (What.LINK_UP, What.LINK_LOST)]
    assert links == [What.LINK_LOST, What.LINK_UP]
