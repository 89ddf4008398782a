"""The connection to flicd, over a real socket: it starts late, dies, hangs and lies, and a press comes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from flicbridge.clock import Clock, LoopClock
from flicbridge.observation import Observation, Value
from flicbridge.press import ButtonEvent, EventKind
from flicbridge.press.flicd.button import FlicdButton
from flicbridge.press.flicd.daemon import RETRY_S, Flicd, reaching_flicd
from flicbridge.press.flicd.session import ANSWER_S, PING_AFTER_S
from flicbridge.press.settings import FlicdSettings
from flicbridge.press.source import Heard, LinkUp
from flicbridge.simulator.flicd import FakeFlicd, Flic1
from flicbridge.simulator.flicd.server import DETACHED, packet
from flicbridge.supervise import alongside

ADDRESS = "80:E4:DA:71:B2:C3"
CLICK = [(0.0, 0.1)]


@dataclass
class House:
    """A client of the fake daemon, and what it heard and said."""

    daemon: FakeFlicd
    flicd: Flicd
    clock: Clock
    facts: dict[tuple[str, str], Value] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def observe(self, said: Observation) -> None:
        self.facts[said.subject, said.fact] = said.value

    def listen(self, name: str, address: str) -> FlicdButton:
        """A button, not running yet."""
        return self.flicd.button(name, address)

    def edges(self, name: str = "poche") -> list[EventKind]:
        """The downs and ups that were heard of a button."""
        events = (h for h in self.heard if isinstance(h, ButtonEvent) and h.button == name)
        return [event.kind for event in events if event.kind is not EventKind.STILL]

    def downs(self) -> list[ButtonEvent]:
        return [h for h in self.heard if isinstance(h, ButtonEvent) and h.kind is EventKind.DOWN]

    async def until(self, fact: str, value: Value, subject: str = "button:poche") -> None:
        async with asyncio.timeout(60):
            while self.facts.get((subject, fact)) != value:
                await self.clock.sleep(0.05)


PRESSED = [EventKind.DOWN, EventKind.UP]


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop())


@pytest.fixture
async def daemon(clock: Clock) -> AsyncIterator[FakeFlicd]:
    async with FakeFlicd(clock) as daemon:
        yield daemon


@pytest.fixture
async def poche(daemon: FakeFlicd) -> Flic1:
    return daemon.add_button(ADDRESS, "AB12-C34567")


@pytest.fixture
async def house(daemon: FakeFlicd, clock: Clock) -> AsyncIterator[House]:
    """Nobody listens yet."""
    facts: dict[tuple[str, str], Value] = {}

    def observe(said: Observation) -> None:
        facts[said.subject, said.fact] = said.value

    settings = FlicdSettings(port=daemon.port)
    async with reaching_flicd(settings, clock=clock, observe=observe) as flicd:
        yield House(daemon, flicd, clock, facts)


@pytest.fixture
async def listening(house: House, poche: Flic1) -> AsyncIterator[House]:
    """One button, connected."""
    button = house.listen("poche", poche.address)
    async with alongside(button=lambda: button.run(house.heard.append)):
        await house.until("link", "up")
        yield house


# -- the ordinary day


async def test_a_press_is_heard_down_and_up_with_flicds_word_in_between(
    listening: House, poche: Flic1
) -> None:
    await poche.press([(0.0, 1.3)])
    await listening.clock.sleep(0.1)
    link, down, hold, up, _single = listening.heard
    assert isinstance(link, LinkUp)
    assert isinstance(down, ButtonEvent)
    assert isinstance(hold, ButtonEvent)
    assert isinstance(up, ButtonEvent)
    assert [down.kind, hold.kind, up.kind] == [EventKind.DOWN, EventKind.STILL, EventKind.UP]
    assert (down.button, down.serial, down.was_queued, down.age_s) == ("poche", ADDRESS, False, 0.0)
    assert 1.0 <= hold.at_s - down.at_s < 1.1
    assert 1.25 < up.at_s - down.at_s < 1.4
    assert down.counter.boot_id == up.counter.boot_id == link.boot_id
    assert down.counter != up.counter


async def test_what_flicd_knows_of_a_button_and_of_itself_is_observed(listening: House) -> None:
    await listening.clock.sleep(1)
    facts = listening.facts
    assert facts["flicd", "state"] == "connected"
    assert facts["flicd", "error"] is None
    assert facts["button:poche", "serial"] == "AB12-C34567"
    assert facts["button:poche", "battery_percent"] == 87
    assert facts["button:poche", "last_error"] is None


async def test_many_buttons_share_one_connection(daemon: FakeFlicd, house: House) -> None:
    flics = {f"b{n}": daemon.add_button(f"80:E4:DA:00:00:{n:02X}") for n in range(20)}
    buttons = {name: house.listen(name, flic.address) for name, flic in flics.items()}

    async def run(name: str) -> None:
        await buttons[name].run(house.heard.append)

    async with alongside(**{name: (lambda name=name: run(name)) for name in flics}):
        for name in flics:
            await house.until("link", "up", f"button:{name}")
        async with asyncio.TaskGroup() as fingers:
            for flic in flics.values():
                fingers.create_task(flic.press(CLICK))
    assert daemon.connections == 1
    assert {name: house.edges(name) for name in flics} == dict.fromkeys(flics, PRESSED)


async def test_nobody_connects_while_no_button_wants_it(house: House) -> None:
    await house.clock.sleep(60)
    assert house.daemon.connections == 0


async def test_silence_keeps_the_connection(listening: House, poche: Flic1) -> None:
    await listening.clock.sleep(900)
    await poche.press(CLICK)
    assert listening.edges() == PRESSED
    assert listening.daemon.connections == 1


async def test_a_button_that_is_given_up_disturbs_no_other(listening: House, poche: Flic1) -> None:
    other = listening.daemon.add_button("80:E4:DA:00:00:01")
    button = listening.listen("accueil", other.address)
    async with alongside(button=lambda: button.run(listening.heard.append)):
        await listening.until("link", "up", "button:accueil")
    await listening.clock.sleep(0.1)
    assert not listening.daemon.is_connected(other)
    assert listening.daemon.is_connected(poche)
    await other.press(CLICK)
    await poche.press(CLICK)
    await listening.clock.sleep(PING_AFTER_S + ANSWER_S)
    assert (listening.edges("accueil"), listening.edges()) == ([], PRESSED)
    assert listening.daemon.connections == 1


# -- presses that the button kept


async def test_a_press_made_out_of_reach_comes_with_its_age_at_the_next(
    listening: House, poche: Flic1
) -> None:
    poche.out_of_range()
    await listening.until("link", "waiting")
    assert listening.facts["button:poche", "last_error"] == "out of flicd's reach"
    await poche.press(CLICK)
    await listening.clock.sleep(90)
    poche.back_in_range()
    await listening.clock.sleep(30)
    assert listening.edges() == []
    await poche.press(CLICK)
    kept, fresh = listening.downs()
    assert kept.was_queued
    assert 119 <= kept.age_s <= 122
    assert (fresh.was_queued, fresh.age_s) == (True, 0.0)
    assert kept.counter != fresh.counter


# -- flicd comes and goes


async def test_flicd_may_start_after_us(house: House, poche: Flic1) -> None:
    house.daemon.stop()
    button = house.listen("poche", poche.address)
    async with alongside(button=lambda: button.run(house.heard.append)):
        await house.clock.sleep(1200)
        assert house.facts["flicd", "state"] == "unreachable"
        assert house.facts["button:poche", "last_error"] == "flicd cannot be reached"
        await poche.press(CLICK)
        house.daemon.start()
        await house.clock.sleep(RETRY_S + 0.1)
        assert house.edges() == PRESSED
    assert house.downs()[0].was_queued


async def test_after_a_restart_of_flicd_the_next_press_comes(listening: House, poche: Flic1) -> None:
    for round_number in range(1, 4):
        await listening.clock.sleep(20)
        listening.daemon.stop()
        await listening.until("state", "unreachable", "flicd")
        assert listening.facts["button:poche", "link"] == "waiting"
        await listening.clock.sleep(10)
        listening.daemon.start()
        await listening.clock.sleep(RETRY_S + 0.1)
        await poche.press(CLICK)
        assert listening.edges() == PRESSED * round_number
    assert len({down.counter.boot_id for down in listening.downs()}) == 3
    assert len([heard for heard in listening.heard if isinstance(heard, LinkUp)]) == 4


async def test_a_connection_that_lasted_is_made_again_at_once(listening: House, poche: Flic1) -> None:
    await listening.clock.sleep(60)
    listening.daemon.stop()
    listening.daemon.start()
    await listening.clock.sleep(0.2)
    await poche.press(CLICK)
    assert listening.edges() == PRESSED
    assert listening.daemon.connections == 2


async def test_a_flicd_that_hangs_without_closing_anything_is_left_and_found_again(
    listening: House, poche: Flic1
) -> None:
    listening.daemon.is_deaf = True
    await listening.until("state", "unreachable", "flicd")
    assert "ping" in str(listening.facts["flicd", "error"])
    listening.daemon.is_deaf = False
    await listening.clock.sleep(PING_AFTER_S + 2 * ANSWER_S)
    await poche.press(CLICK)
    assert listening.edges()[-2:] == PRESSED


async def test_how_soon_a_hanging_flicd_is_noticed(listening: House) -> None:
    await listening.clock.sleep(100)
    listening.daemon.is_deaf = True
    await listening.clock.sleep(PING_AFTER_S + ANSWER_S + 0.1)
    assert listening.facts["flicd", "state"] == "unreachable"


# -- lies


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0",
        packet(4, "IBBI", 1, 0, 0, 0),
        packet(4, "IBBI", 0, 0, 0, 0) * 1000,
        packet(13, "I", 1),
        packet(12, "B", 77),
        packet(9, "B", 1),
    ],
)
async def test_garbage_is_no_press_and_the_next_press_comes(
    listening: House, poche: Flic1, garbage: bytes
) -> None:
    await listening.clock.sleep(20)
    listening.daemon.say(garbage)
    await listening.clock.sleep(RETRY_S + 0.2)
    assert listening.edges() == []
    await poche.press(CLICK)
    assert listening.edges() == PRESSED
    assert listening.daemon.connections == 2


async def test_garbage_without_end_costs_a_connection_every_other_second_and_nothing_else(
    listening: House, poche: Flic1
) -> None:
    for _ in range(300):
        listening.daemon.say(b"\xff\xff\xff")
        await listening.clock.sleep(1.0)
    assert listening.daemon.connections < 300 / RETRY_S + 2
    await listening.clock.sleep(2 * RETRY_S)
    await poche.press(CLICK)
    assert listening.edges() == PRESSED


async def test_half_a_packet_and_then_nothing_is_left(listening: House, poche: Flic1) -> None:
    listening.daemon.say(b"\x0b\x00\x04\x01")
    await listening.clock.sleep(PING_AFTER_S + ANSWER_S + RETRY_S + 0.5)
    await poche.press(CLICK)
    assert listening.edges() == PRESSED


# -- the daemon's own troubles


async def test_a_channel_ended_by_another_program_is_made_again(listening: House, poche: Flic1) -> None:
    listening.daemon.end_channels(poche, 2)
    await listening.clock.sleep(3)
    await poche.press(CLICK)
    assert listening.edges() == PRESSED
    assert listening.daemon.connections == 1


async def test_flicd_without_bluetooth_says_so_and_recovers(listening: House, poche: Flic1) -> None:
    listening.daemon.set_controller(DETACHED)
    await listening.until("state", "radio_off", "flicd")
    await listening.until("link", "waiting")
    await poche.press(CLICK)
    assert listening.edges() == []
    listening.daemon.set_controller(2)
    await listening.until("state", "connected", "flicd")
    await listening.clock.sleep(0.1)
    assert listening.edges() == PRESSED


async def test_a_controller_without_room_gets_the_button_in_when_there_is(house: House, poche: Flic1) -> None:
    house.daemon.pending_limit = 0
    button = house.listen("poche", poche.address)
    async with alongside(button=lambda: button.run(house.heard.append)):
        await house.clock.sleep(60)
        assert "no room" in str(house.facts["button:poche", "last_error"])
        house.daemon.pending_limit = 1
        await house.until("link", "up")
        assert house.daemon.connections == 1


async def test_a_button_that_flicd_does_not_know_is_named_so_and_heard_once_it_is_paired(
    house: House, poche: Flic1
) -> None:
    poche.is_verified = False
    button = house.listen("poche", poche.address)
    async with alongside(button=lambda: button.run(house.heard.append)):
        await house.until("link", "not_paired")
        house.daemon.verify(poche)
        await house.until("link", "up")
        await house.until("serial", "AB12-C34567")
        await poche.press(CLICK)
    assert house.edges() == PRESSED
