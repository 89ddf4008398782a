"""The stage for one scenario: a small world around the real bridge, and everything that is seen in it.

The bridge is the one that runs in a practice, with the installer's settings. Replaced are: the state (a
temporary folder), the radio, flicd and the buttons on them, the addresses of the channels (`standins`), and
the clock, where idle time shall be skipped.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from flicbridge.bridge import DATABASE
from flicbridge.clock import Clock, LoopClock
from flicbridge.config.settings import Settings
from flicbridge.errors import ButtonUnreachableError
from flicbridge.press.settings import Family, FlicdSettings
from flicbridge.simulator.casting import Casting
from flicbridge.simulator.evidence import Evidence
from flicbridge.simulator.flicd import FakeFlicd
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.letter import Translate, read_letter
from flicbridge.simulator.life import Life, Pocket
from flicbridge.simulator.overhear import Entry, overheard
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.play import Play
from flicbridge.simulator.scenario import Scenario
from flicbridge.simulator.standins import Cast, StandIn, standing_in
from flicbridge.simulator.story import Story
from flicbridge.simulator.timeline import Moment, Timeline
from flicbridge.simulator.world import VirtualWorld
from flicbridge.texts import translator

LINK_TIMEOUT_S: Final = 60.0
# A new link asks for battery and firmware, and sets its parameters; a scenario begins when all is quiet.
SETTLE_S: Final = 3.0
NO_END_S: Final = 1e9


class Audience(Protocol):
    """Whoever watches."""

    def opens(self, cast: Cast) -> None:
        """Everything is in place, the scenario begins."""
        ...

    def sees(self, moment: Moment) -> None:
        """Something happened."""
        ...


@dataclass(frozen=True, slots=True)
class Performance:
    """A scenario as it was played.

    Attributes:
        scenario: what was to be played.
        settings: with which settings, as they were rehearsed.
        casting: who played what.
        standins: the fake gateways, closed by now, with what they received.
        story: what was seen.
        evidence: what the bridge has written down.
        ended_at, ended_s: when it was over, by the two clocks of the scenario.
    """

    scenario: Scenario
    settings: Settings
    casting: Casting
    standins: Mapping[str, StandIn]
    story: Story
    evidence: Evidence
    ended_at: datetime
    ended_s: float


def perform(
    scenario: Scenario, settings: Settings, audience: Audience, *, fast: bool, show_logs: bool = False
) -> Performance:
    """Play a scenario to its end, on a loop of its own.

    Args:
        scenario: its parts must all be found in the settings (`Casting.problems`).
        settings: the installer's.
        audience: shown everything at the moment it happens.
        fast: skip the time in which nothing happens.
        show_logs: write the log of the bridge to standard error.
    """
    with asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
        return runner.run(_Stage(scenario, settings, audience).play(fast=fast, show_logs=show_logs))


class _Stage:
    def __init__(self, scenario: Scenario, settings: Settings, audience: Audience) -> None:
        self._scenario = scenario
        self._settings = settings
        self._audience = audience
        self._casting = Casting(settings)
        self._linked: set[str] = set()
        self._news = asyncio.Event()
        self._play: Play | None = None
        self._has_begun = False

    async def play(self, *, fast: bool, show_logs: bool) -> Performance:
        """Set up, play, clear away. Only the play itself may take real time."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LeapingEventLoop)  # noqa: S101 - `perform` made it
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="flicbridge-")))
            stack.enter_context(overheard(self._hear, show=show_logs))
            world = await stack.enter_async_context(VirtualWorld())
            buttons = {name: await world.add_button(name, duo=duo) for name, duo in self._flics().items()}
            await pair_all(world, buttons, folder / "state" / DATABASE, LoopClock(loop))
            # Made only now: pairing took no real time, and the texts say what time it is.
            clock = LoopClock(loop)
            flicd = await stack.enter_async_context(FakeFlicd(clock))
            settings = self._settings.model_copy(update={"flicd": FlicdSettings(port=flicd.port)})
            cast = await stack.enter_async_context(standing_in(settings, folder, clock))
            pockets = {name: Pocket(button) for name, button in buttons.items()}
            pockets |= {
                button.name: Pocket(flicd.add_button(button.address))
                for button in settings.buttons
                if button.family is Family.FLICD
            }
            life = Life(cast, world, pockets, clock)
            story = self._story(clock)
            async with asyncio.TaskGroup() as group:
                play = self._play = Play(self._casting, cast, world, pockets, life, story, clock, group)
                await self._raise_curtain(play)
                loop.is_leaping = fast
                await play.through(self._scenario)
                loop.is_leaping = True
                ended_at, ended_s = clock.now_at(), clock.now_s()
                await self._clear(play)
            evidence = await Evidence.read(cast.settings.bridge.state_dir / DATABASE)
        return Performance(
            scenario=self._scenario,
            settings=cast.settings,
            casting=self._casting,
            standins=cast.standins,
            story=story,
            evidence=evidence,
            ended_at=ended_at,
            ended_s=ended_s,
        )

    def _flics(self) -> dict[str, bool]:
        """The buttons on the radio, and whether each is a Duo: whoever has small gestures must be one."""
        flics = (button for button in self._settings.buttons if button.family is Family.FLIC2)
        return {button.name: bool(button.small_gestures) for button in flics}

    def _story(self, clock: Clock) -> Story:
        recipients = {channel: channel.rpartition("/")[0] for channel in self._casting.channels}
        timeline = Timeline(clock, self._audience.sees)
        return Story(clock, timeline, recipients, self._casting.reactions(), len(self._settings.plan))

    async def _raise_curtain(self, play: Play) -> None:
        """Start the bridge, and wait until every button is connected and nothing happens any more."""
        self._linked.clear()
        await play.life.begin(play.group)
        try:
            async with asyncio.timeout(LINK_TIMEOUT_S):
                while missing := play.pockets.keys() - self._linked:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            names = ", ".join(sorted(missing))
            raise ButtonUnreachableError(f"the simulated button {names} did not connect") from error
        await play.clock.sleep(SETTLE_S)
        _ = translator(self._settings.bridge.language).gettext
        self._watchers = [
            play.group.create_task(_collect(standin, play.story, _), name=f"watch:{standin.channel}")
            for standin in play.cast.standins.values()
        ]
        play.story.timeline.begin()
        self._has_begun = True
        self._audience.opens(play.cast)

    async def _clear(self, play: Play) -> None:
        self._has_begun = False
        for task in self._watchers:
            task.cancel()
        await play.life.end()

    def _hear(self, entry: Entry) -> None:
        """The bridge wrote into its log. Before and after the play only errors are of interest."""
        if entry.event == "link_up":
            self._linked.add(entry.facts["button"])
            self._news.set()
        if self._play is not None and (self._has_begun or entry.level == "error"):
            self._play.hear(entry)


async def _collect(standin: StandIn, story: Story, _: Translate) -> None:
    """Tell the story of everything that arrives at a gateway."""
    gateway, seen = standin.gateway, 0
    while True:
        await gateway.wait_for(seen + 1, within_s=NO_END_S)
        for arrival in gateway.received[seen:]:
            story.arrived(read_letter(standin, arrival, _))
        seen = len(gateway.received)
