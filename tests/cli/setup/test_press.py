"""Steps 6 and 7 of the setup: the walk through the rooms, and the press that goes all the way."""

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.cli.setup import press, rooms
from flicbridge.cli.setup.evidence import Evidence
from flicbridge.cli.setup.findings import press_of
from flicbridge.cli.setup.site import Site
from flicbridge.clock import SystemClock
from flicbridge.config import load
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.room import open_simulated_room

pytest.importorskip("bumble", reason="needs the extra `simulator`")


class Person(Protocol):
    site: Site
    shown: str


type Typing = Callable[..., Person]


@pytest.mark.usefixtures("leaping")
def test_without_a_button_there_is_no_walk_and_no_press(person: Typing) -> None:
    somebody = person()
    rooms.walk_rooms(somebody.site)
    press.try_presses(somebody.site)
    assert "there is nothing to walk with" in somebody.shown
    assert "Not answered yet, so nothing can be tried: bridge.id, doctor.name" in somebody.shown
    assert somebody.site.evidence.read() == Evidence()


class Command(Protocol):
    def __call__(self, *arguments: object) -> Any: ...


@pytest.fixture
def paired(leaping_flicbridge: Command, rehearsal: Path) -> Path:
    """Complete settings with a paired Flic, whose tests go to a receiver that is not there."""
    said = leaping_flicbridge("pair", "poche", "--no-proof", "--config", rehearsal)
    assert said.code == 0, said.err
    text = rehearsal.read_text(encoding="utf-8")
    rehearsal.write_text(text.replace("[alerts]", '[alerts]\ntest_notify = ["hub"]'), encoding="utf-8")
    return rehearsal


@pytest.mark.usefixtures("leaping")
def test_a_room_is_measured_and_measured_anew(person: Typing, paired: Path) -> None:
    somebody = person("y", "Cabinet 2", "Toilettes", "Cabinet 2", "")
    somebody.site = elsewhere(somebody.site, paired)
    rooms.walk_rooms(somebody.site)
    found = somebody.site.evidence.read().rooms
    assert [(each.room, each.button, each.verdict) for each in found] == [
        ("Toilettes", "poche", "good"),
        ("Cabinet 2", "poche", "good"),
    ]


def elsewhere(site: Site, file: Path) -> Site:
    """The same person at the settings of another practice."""
    from flicbridge.cli.setup.draft import Draft
    from flicbridge.cli.setup.evidence import EvidenceFile

    return Site(site.talk, Draft(file), EvidenceFile.beside(file))


@pytest.mark.real_time
def test_beside_a_running_bridge_no_press_is_tried(
    person: Typing,
    paired: Path,
    running_bridge: Callable[[Path], "AbstractContextManager[subprocess.Popen[str]]"],
) -> None:
    """It would hear the press as a real one."""
    somebody = person("y", "n")
    somebody.site = elsewhere(somebody.site, paired)
    with running_bridge(paired):
        press.try_presses(somebody.site)
    assert "systemctl stop flicbridge" in somebody.shown
    assert somebody.site.evidence.read().presses == {}


@pytest.mark.real_time
@pytest.mark.timeout(240)
def test_a_press_that_reaches_nobody_is_noted_as_that(
    person: Typing, paired: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flicbridge.cli.setup.trial.REACHED_S", 2.0)
    somebody = person("y", "n")
    somebody.site = elsewhere(somebody.site, paired)
    press.try_presses(somebody.site)
    found = somebody.site.evidence.read().presses["poche"]
    assert (found.gesture, found.reaction) == ("long", "alert")
    ((channel, after_s),) = [(each.channel, each.after_s) for each in found.reached]
    assert (channel, after_s) == ("hub/0", None)
    # It is tried again and again: somebody who looks may find it between two tries, or amid one.
    assert any(f"hub/0: {state}" in somebody.shown for state in ("failed", "waiting", "being sent"))


# ---- whose press it is


class Receiver(Protocol):
    received: list[Any]

    async def wait_for(self, number: int, within_s: float) -> object: ...


class World(Protocol):
    def open(self, make: Callable[[], Any]) -> Any: ...
    def call(self, work: Callable[[], Any]) -> Any: ...


@dataclass(frozen=True)
class GroupPractice:
    """Two doctors with a simulated button each; `hub` agreed to tests, `samu` is told in earnest only.

    Attributes:
        file: the settings.
        hub, samu: who is told.
    """

    file: Path
    hub: Receiver
    samu: Receiver

    def press_unheard(self, button: str) -> None:
        """Press a button for help while no bridge runs: the button keeps that."""

        async def press_alone() -> None:
            async with open_simulated_room(
                load(self.file), clock=SystemClock(), observe=lambda _observation: None
            ) as room:
                await room.fingers[button]([(0.0, 1.5)])

        asyncio.run(press_alone())

    def told(self) -> tuple[list[str], list[str]]:
        """The kinds of alert that hub and samu were told of."""
        hub, samu = (
            [webhook.event["data"]["kind"] for webhook in receiver.received]
            for receiver in (self.hub, self.samu)
        )
        return hub, samu


TIROIR = """
[[buttons]]
name = "tiroir"
family = "flic2"
simulated = true
gestures = { long = "alert" }

[[recipients]]
name = "samu"
channels = [ { transport = "http", url = "URL", secret = "hub-key" } ]

[[recipients]]"""


@pytest.fixture
def group(paired: Path, leaping_flicbridge: Command, world: World) -> GroupPractice:
    """A practice of two, with buttons that are paired."""
    hub, samu = (world.open(FakeHttp) for _ in range(2))
    text = paired.read_text(encoding="utf-8").replace("http://127.0.0.1:9/hook", hub.url)
    text = text.replace("\n[[recipients]]", TIROIR.replace("URL", samu.url), 1)
    text = text.replace('notify = ["hub"]', 'notify = ["hub", "samu"]').replace(
        'test_notify = ["hub", "samu"]', 'test_notify = ["hub"]'
    )
    paired.write_text(text, encoding="utf-8")
    said = leaping_flicbridge("pair", "tiroir", "--no-proof", "--config", paired)
    assert said.code == 0, said.err
    return GroupPractice(paired, hub, samu)


@pytest.mark.real_time
@pytest.mark.timeout(240)
def test_while_one_button_is_tried_the_others_keep_their_presses_for_the_bridge(
    person: Typing,
    group: GroupPractice,
    world: World,
    running_bridge: Callable[[Path], "AbstractContextManager[subprocess.Popen[str]]"],
) -> None:
    group.press_unheard("tiroir")
    somebody = person("y", "n")
    somebody.site = elsewhere(somebody.site, group.file)
    press.try_presses(somebody.site)
    assert "Meanwhile the bridge does not hear tiroir" in somebody.shown
    assert group.told() == (["test"], []), "the test of poche, and nothing of tiroir"
    with running_bridge(group.file):
        world.call(lambda: group.samu.wait_for(1, within_s=30))
    assert group.samu.received[0].event["data"]["button"] == "tiroir"
    assert group.told()[1] == ["emergency"]


@pytest.mark.real_time
@pytest.mark.timeout(240)
def test_a_press_from_before_the_trial_calls_for_help_and_ends_it(
    person: Typing, group: GroupPractice
) -> None:
    group.press_unheard("poche")
    somebody = person("y", "n", "n")
    somebody.site = elsewhere(somebody.site, group.file)
    press.try_presses(somebody.site)
    assert group.told() == (["emergency"], ["emergency"])
    assert "A press that poche has kept from before now is no test" in somebody.shown
    assert "ago, before this trial: a REAL ALERT, which leaves now." in somebody.shown
    assert "samu/0: taken by the other side" in somebody.shown
    assert f"flicbridge run --config {group.file}" in somebody.shown
    assert "flicbridge alerts cancel " in somebody.shown
    assert somebody.site.evidence.read().presses == {}, "nobody has tried it"


@pytest.mark.real_time
@pytest.mark.timeout(240)
def test_after_a_call_for_help_the_trial_can_be_made_again(person: Typing, group: GroupPractice) -> None:
    group.press_unheard("poche")
    somebody = person("y", "y", "n")
    somebody.site = elsewhere(somebody.site, group.file)
    press.try_presses(somebody.site)
    assert group.told() == (["emergency", "test"], ["emergency"])
    found = somebody.site.evidence.read().presses["poche"]
    assert found.serial == load(group.file).buttons[1].serial
    assert press_of(load(group.file).buttons[1], somebody.site.evidence.read()) == found
