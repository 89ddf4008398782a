"""Plays one scenario: builds a small world around the real bridge, does what the scenario says, and watches.

The bridge is the one that runs in a practice, with the installer's settings. Replaced are: the state (a
temporary folder), the radio and the buttons on it, the addresses of the channels (`standins`), and the clock,
where idle time shall be skipped.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol, assert_never

from flicbridge.alert import life as lives
from flicbridge.alert.alert import Happening
from flicbridge.bridge import DATABASE
from flicbridge.clock import Clock, LoopClock
from flicbridge.config.settings import Settings
from flicbridge.errors import ButtonUnreachableError, FlicbridgeError
from flicbridge.press.settings import Family
from flicbridge.simulator.casting import Casting, Part
from flicbridge.simulator.evidence import Evidence
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.letter import read_letter
from flicbridge.simulator.life import Life, Pocket
from flicbridge.simulator.overhear import Entry, overheard
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.scenario import (
    Answer,
    Crash,
    Heal,
    Network,
    OfButton,
    OrderFault,
    Press,
    Scenario,
    Start,
    Step,
    SwitchRadio,
    Wait,
)
from flicbridge.simulator.standins import Cast, StandIn, standing_in
from flicbridge.simulator.story import Story
from flicbridge.simulator.timeline import Moment, Timeline, What
from flicbridge.simulator.world import VirtualWorld

NETWORK: Final = "network"
PLACE: Final = "place"
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
        self._has_begun = False
        self._is_armed = False
        self._is_radio_off = False
        self._buried = asyncio.Event()

    async def play(self, *, fast: bool, show_logs: bool) -> Performance:
        """Set up, play, clear away. Only the play itself may take real time."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LeapingEventLoop)  # noqa: S101 - `perform` made it
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="flicbridge-")))
            stack.enter_context(overheard(self._hear, show=show_logs))
            world = await stack.enter_async_context(VirtualWorld())
            await self._set_up(world, folder, LoopClock(loop))
            # Made only now: setting up took no real time, and the texts say what time it is.
            self._clock: Clock = LoopClock(loop)
            self._tell(self._clock)
            self._cast = await stack.enter_async_context(standing_in(self._settings, folder, self._clock))
            self._life = Life(self._cast, world, self._pockets, self._clock)
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._raise_curtain()
                loop.is_leaping = fast
                await self._play_steps()
                loop.is_leaping = True
                ended_at, ended_s = self._clock.now_at(), self._clock.now_s()
                await self._clear()
            evidence = await Evidence.read(self._cast.settings.bridge.state_dir / DATABASE)
        return Performance(
            scenario=self._scenario,
            settings=self._cast.settings,
            casting=self._casting,
            standins=self._cast.standins,
            story=self._story,
            evidence=evidence,
            ended_at=ended_at,
            ended_s=ended_s,
        )

    # -- before and after ----------------------------------------------------------------------------------

    async def _set_up(self, world: VirtualWorld, folder: Path, clock: Clock) -> None:
        self._world = world
        flics = [button.name for button in self._settings.buttons if button.family is Family.FLIC2]
        buttons = {name: await world.add_button(name) for name in flics}
        self._pockets = {name: Pocket(button) for name, button in buttons.items()}
        await pair_all(world, buttons, folder / "state" / DATABASE, clock)

    def _tell(self, clock: Clock) -> None:
        recipients = {channel: channel.rpartition("/")[0] for channel in self._casting.channels}
        timeline = Timeline(clock, self._audience.sees)
        steps = len(self._settings.plan)
        self._story = Story(clock, timeline, recipients, self._casting.reactions(), steps)

    async def _raise_curtain(self) -> None:
        """Start the bridge, and wait until every button is connected and nothing happens any more."""
        self._linked.clear()
        await self._life.begin(self._group)
        try:
            async with asyncio.timeout(LINK_TIMEOUT_S):
                while not self._linked >= self._pockets.keys():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            missing = ", ".join(self._pockets.keys() - self._linked)
            raise ButtonUnreachableError(f"the simulated button {missing} did not connect") from error
        await self._clock.sleep(SETTLE_S)
        self._watchers = [
            self._group.create_task(self._collect(standin), name=f"watch:{standin.channel}")
            for standin in self._cast.standins.values()
        ]
        self._story.timeline.begin()
        self._has_begun = True
        self._audience.opens(self._cast)

    async def _clear(self) -> None:
        self._has_begun = False
        for task in self._watchers:
            task.cancel()
        await self._life.end()

    # -- what is seen --------------------------------------------------------------------------------------

    def _hear(self, entry: Entry) -> None:
        """The bridge wrote into its log. What a frozen one writes never happened."""
        if entry.event == "link_up":
            self._linked.add(entry.facts["button"])
            self._news.set()
        if not self._has_begun or self._life.is_frozen:
            return
        self._story.hear(entry)
        if self._is_armed and entry.event == "press_taken" and entry.facts["safe"]:
            self._is_armed = False
            self._crash()

    async def _collect(self, standin: StandIn) -> None:
        gateway, seen = standin.gateway, 0
        while True:
            await gateway.wait_for(seen + 1, within_s=NO_END_S)
            for arrival in gateway.received[seen:]:
                self._story.arrived(read_letter(standin, arrival))
            seen = len(gateway.received)

    # -- the play ------------------------------------------------------------------------------------------

    async def _play_steps(self) -> None:
        for step in self._scenario.steps:
            await self._until(step.at.total_seconds())
            await self._do(step)
        await self._until(self._scenario.ends.total_seconds())

    async def _until(self, at_s: float) -> None:
        await self._clock.sleep(max(0.0, self._story.timeline.began_s + at_s - self._clock.now_s()))

    async def _do(self, step: Step) -> None:
        match step:
            case Press():
                self._group.create_task(self._press(self._casting.part(step)), name="finger")
            case OrderFault() | Heal():
                self._order(step)
            case Network():
                self._switch_network(down=step.do == "network_down")
            case OfButton():
                await self._carry(step)
            case SwitchRadio():
                await self._switch_radio(off=step.do == "radio_off")
            case Crash(upon_commit=True):
                self._is_armed = True
            case Crash():
                self._crash()
            case Start():
                await self._start()
            case Answer():
                await self._answer(step)
            case Wait():
                pass
            case unreachable:
                assert_never(unreachable)

    async def _press(self, part: Part) -> None:
        if part.button.family is Family.VIRTUAL:
            await self._press_virtual(part.button.name, part.gesture or "")
            return
        name, began_s = part.button.name, self._clock.now_s()
        async with asyncio.TaskGroup() as hand:
            hand.create_task(self._pockets[name].button.press(list(part.script)), name=f"press:{name}")
            for down_s, up_s in part.script:
                await self._clock.sleep(began_s + down_s - self._clock.now_s())
                self._story.finger_down(name, began_s + down_s)
                await self._clock.sleep(began_s + up_s - self._clock.now_s())
                self._story.timeline.note(What.FINGER_UP, at_s=began_s + up_s, button=name)

    async def _press_virtual(self, name: str, gesture: str) -> None:
        bridge = self._life.bridge
        if bridge is None:
            self._obstacle(f"the virtual button {name} cannot be pressed, the bridge is not running")
            return
        self._story.finger_down(name, self._clock.now_s())
        try:
            await bridge.press(name, gesture)
        except FlicbridgeError as error:
            self._obstacle(str(error))

    def _order(self, step: OrderFault | Heal) -> None:
        fault = step.fault if isinstance(step, OrderFault) else None
        for channel in self._casting.meant(step.channel):
            self._cast.standins[channel].order(fault)
            if fault is None:
                self._heal(What.HEALED, channel=channel)
            else:
                status = fault.status if fault.kind == "status" else None
                self._story.timeline.note(What.FAULT, channel=channel, kind=fault.kind, status=status)

    def _switch_network(self, *, down: bool) -> None:
        for standin in self._cast.standins.values():
            if down:
                standin.cut(NETWORK)
            else:
                standin.mend(NETWORK)
        if down:
            self._story.timeline.note(What.NETWORK_DOWN)
        else:
            self._heal(What.NETWORK_UP)

    async def _carry(self, step: OfButton) -> None:
        name = self._casting.flic(step.button).name
        pocket, timeline = self._pockets[name], self._story.timeline
        match step.do:
            case "out_of_range":
                timeline.note(What.OUT_OF_RANGE, button=name)
                pocket.cut(PLACE)
            case "back_in_range":
                self._heal(What.BACK_IN_RANGE, button=name)
                pocket.mend(PLACE)
            case "change_battery":
                timeline.note(What.BATTERY_CHANGED, button=name)
                self._group.create_task(pocket.button.change_battery(), name=f"battery:{name}")

    async def _switch_radio(self, *, off: bool) -> None:
        self._is_radio_off = off
        if off:
            self._story.timeline.note(What.RADIO_OFF)
        else:
            self._heal(What.RADIO_ON)
        await self._world.radio.power(not off)

    def _crash(self) -> None:
        """Cut the power now, without letting anything else run in between."""
        self._life.freeze()
        self._story.timeline.note(What.CRASHED)
        self._buried.clear()
        self._group.create_task(self._bury(), name="bury")

    async def _bury(self) -> None:
        await self._life.bury()
        self._buried.set()

    async def _start(self) -> None:
        if self._is_armed:
            self._obstacle("nothing was committed, so the power was not cut")
            return
        await self._buried.wait()
        await self._world.radio.power(not self._is_radio_off)
        self._heal(What.STARTED)
        await self._life.begin(self._group)

    async def _answer(self, step: Answer) -> None:
        bridge = self._life.bridge
        if bridge is None:
            self._obstacle("nobody can answer, the bridge is not running")
            return
        what = Happening.CANCELLED if step.do == "cancel" else Happening.ACKNOWLEDGED
        for standing in await bridge.list_alerts(100):
            if standing.state in lives.OPEN:
                await bridge.move_alert(standing.alert.id, what, "api")

    def _heal(self, what: What, **facts: Any) -> None:
        self._story.timeline.note(what, **facts)
        self._story.healed_s = self._clock.now_s()

    def _obstacle(self, detail: str) -> None:
        self._story.timeline.note(What.OBSTACLE, detail=detail)
