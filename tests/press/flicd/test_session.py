"""One connection to flicd: what is asked, what is believed, and when it is given up."""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.press.flicd.events import (
    Click,
    Clicked,
)
from flicbridge.press.flicd.reports import (
    BatteryRead,
    Failed,
    Health,
    HealthChanged,
    Identified,
    Link,
    LinkChanged,
    Pressed,
    Report,
)
from flicbridge.press.flicd.session import AGAIN_S, ANSWER_S, MOST_EVENTS, PING_AFTER_S, Session

POCHE, ACCUEIL = "80:E4:DA:71:B2:C3", "80:E4:DA:00:00:01"
type Saying = tuple[int, str, tuple[int | bytes, ...]]
INFO: Saying = (9, "B6sBBhBBH", (2, b"", 0, 32, -1, 0, 0, 0))


@dataclass
class Line:
    """A session, and what a flicd at its other end has read."""

    session: Session
    now_s: float = 1000.0
    commands: list[tuple[int, bytes]] = field(default_factory=list)

    def asked(self) -> list[tuple[int, bytes]]:
        """The new commands: opcode and the rest."""
        data, new = self.session.take_outgoing(), []
        while data:
            end = 2 + int.from_bytes(data[:2], "little")
            new.append((data[2], data[3:end]))
            data = data[end:]
        self.commands += new
        return new

    def say(self, opcode: int, layout: str, *fields: int | bytes) -> list[Report]:
        body = struct.pack("<B" + layout, opcode, *fields)
        return self.session.feed(struct.pack("<H", len(body)) + body, self.now_s)

    def hear_info(self) -> list[Report]:
        opcode, layout, fields = INFO
        return self.say(opcode, layout, *fields)

    def wait(self, seconds: float) -> list[Report]:
        self.now_s += seconds
        return self.session.pass_time(self.now_s)

    def channel(self, address: str) -> int:
        """The number of the newest channel to a button."""
        self.asked()
        wanted = bytes.fromhex(address.replace(":", ""))[::-1]
        numbers = [body[:4] for opcode, body in self.commands if opcode == 3 and body[4:10] == wanted]
        return int.from_bytes(numbers[-1], "little")

    def answer(self, address: str, *, accepted: bool = True, status: int = 0) -> list[Report]:
        """Answer everything that was asked of a button."""
        reports = self.say(1, "IBB", self.channel(address), not accepted, status)
        raw = bytes.fromhex(address.replace(":", ""))[::-1]
        reports += self.say(14, "6s16sB16sB16sBI", raw, b"\7" * 16, 0, b"", 4, b"AB12", 1, 9)
        (listener,) = {body[:4] for opcode, body in self.commands if opcode == 12 and body[4:] == raw}
        return reports + self.say(20, "4sbq", listener, 55, 0)


@pytest.fixture
def line() -> Line:
    numbers: Iterator[int] = itertools.count(0x51000000)
    return Line(Session(now_s=1000.0, number=lambda: next(numbers)))


@pytest.fixture
def up(line: Line) -> Line:
    """A session with one button, everything answered."""
    line.hear_info()
    line.session.want(POCHE, line.now_s)
    line.answer(POCHE, status=2)
    return line


def failure(reports: list[Report]) -> str:
    assert isinstance(reports[-1], Failed)
    return reports[-1].why


# -- what is asked


def test_it_asks_how_the_daemon_is_and_for_a_channel_that_stays_connected_at_low_latency(line: Line) -> None:
    line.session.want(POCHE, line.now_s)
    raw = bytes.fromhex("c3b271dae480")
    (info, channel, who, battery) = line.asked()
    assert info == (0, b"")
    assert (channel[0], channel[1][4:]) == (3, raw + b"\1" + (511).to_bytes(2, "little"))
    assert who == (8, raw)
    assert (battery[0], battery[1][4:]) == (12, raw)


def test_what_the_daemon_answers_is_told(line: Line) -> None:
    assert line.hear_info() == [HealthChanged(Health.CONNECTED)]
    line.session.want(POCHE, line.now_s)
    assert line.answer(POCHE, status=2) == [
        LinkChanged(POCHE, Link.UP),
        Identified(POCHE, "AB12", 9),
        BatteryRead(POCHE, 55),
    ]


def test_a_press_is_told_with_its_age(up: Line) -> None:
    [report] = up.say(4, "IBBI", up.channel(POCHE), 0, 1, 12)
    expected = Clicked(up.channel(POCHE), 4, Click.DOWN, was_queued=True, age_s=12)
    assert report == Pressed(POCHE, expected)


def test_each_button_has_a_channel_of_its_own(up: Line) -> None:
    up.session.want(ACCUEIL, up.now_s)
    up.answer(ACCUEIL)
    told = [report for name in (ACCUEIL, POCHE) for report in up.say(4, "IBBI", up.channel(name), 0, 0, 0)]
    assert [report.address for report in told if isinstance(report, Pressed)] == [ACCUEIL, POCHE]


def test_a_link_is_told_as_it_goes_up_and_down(up: Line) -> None:
    number = up.channel(POCHE)
    assert up.say(2, "IBB", number, 0, 2) == [LinkChanged(POCHE, Link.WAITING, "out of flicd's reach")]
    assert up.say(2, "IBB", number, 1, 0) == [LinkChanged(POCHE, Link.CONNECTING)]
    assert up.say(2, "IBB", number, 2, 0) == [LinkChanged(POCHE, Link.UP)]


def test_keys_that_do_not_match_are_a_refusal(up: Line) -> None:
    [report] = up.say(2, "IBB", up.channel(POCHE), 0, 3)
    assert isinstance(report, LinkChanged)
    assert report.link is Link.REFUSED


# -- what ends and begins again


@pytest.mark.parametrize(
    ("reason", "link"),
    [(2, Link.WAITING), (3, Link.REFUSED), (6, Link.REFUSED), (11, Link.REFUSED), (99, Link.WAITING)],
)
def test_a_channel_that_was_removed_is_asked_for_again_whatever_the_reason(
    up: Line, reason: int, link: Link
) -> None:
    old = up.channel(POCHE)
    [report] = up.say(3, "IB", old, reason)
    assert isinstance(report, LinkChanged)
    assert report.link is link
    assert up.session.deadline_s <= up.now_s + AGAIN_S
    up.wait(AGAIN_S)
    assert up.channel(POCHE) != old
    assert up.say(1, "IBB", up.channel(POCHE), 0, 2) == [LinkChanged(POCHE, Link.UP)]


def test_a_channel_for_which_there_is_no_room_is_asked_for_until_there_is(line: Line) -> None:
    line.hear_info()
    line.session.want(POCHE, line.now_s)
    [refused, *_] = line.answer(POCHE, accepted=False)
    assert isinstance(refused, LinkChanged)
    assert "no room" in str(refused.why)
    for _ in range(50):
        old = line.channel(POCHE)
        assert line.wait(AGAIN_S) == []
        assert line.channel(POCHE) != old
        line.say(1, "IBB", line.channel(POCHE), 1, 0)
        line.session.feed(b"", line.now_s)
        pings = [body for opcode, body in line.commands if opcode == 7]
        line.commands = [command for command in line.commands if command[0] != 7]
        for ping in pings:
            line.say(13, "4s", ping)
    line.wait(AGAIN_S)
    assert line.say(1, "IBB", line.channel(POCHE), 0, 2) == [LinkChanged(POCHE, Link.UP)]


def test_a_button_that_is_not_paired_says_so_until_it_is(line: Line) -> None:
    line.hear_info()
    line.session.want(POCHE, line.now_s)
    raw = bytes.fromhex("c3b271dae480")
    number = line.channel(POCHE)
    line.say(1, "IBB", number, 0, 0)
    [report] = line.say(14, "6s54xIx", raw, 0)
    assert isinstance(report, LinkChanged)
    assert report.link is Link.NOT_PAIRED
    assert "7 seconds" in str(report.why)
    line.asked()
    line.say(8, "6s", raw)
    assert line.asked() == [(8, raw)]
    assert line.say(14, "6s16sB16sB16sBI", raw, b"\7" * 16, 0, b"", 0, b"", 1, 9) == [
        Identified(POCHE, "", 9)
    ]


def test_a_button_that_was_given_up_says_nothing_any_more_and_may_come_back(up: Line) -> None:
    old = up.channel(POCHE)
    up.session.release(POCHE, up.now_s)
    assert (4, old.to_bytes(4, "little")) in up.asked()
    assert up.say(4, "IBBI", old, 0, 0, 0) == []  # said before it heard of it
    up.session.want(POCHE, up.now_s)
    assert up.say(3, "IB", old, 0) == []
    assert up.say(1, "IBB", up.channel(POCHE), 0, 2) == [LinkChanged(POCHE, Link.UP)]
    assert up.channel(POCHE) != old


# -- the daemon's health


@pytest.mark.parametrize("state", [0, 1])
def test_a_lost_controller_is_told_and_its_return_too(up: Line, state: int) -> None:
    assert up.say(12, "B", state) == [HealthChanged(Health.RADIO_OFF)]
    assert up.say(12, "B", state) == []
    assert up.say(12, "B", 2) == [HealthChanged(Health.CONNECTED)]


def test_a_full_controller_is_told_and_room_too(up: Line) -> None:
    assert up.say(10, "B", 5) == [HealthChanged(Health.FULL)]
    assert up.say(11, "B", 5) == [HealthChanged(Health.CONNECTED)]


# -- deadlines


def test_a_silent_daemon_is_pinged_and_lives_if_it_answers(up: Line) -> None:
    for _ in range(20):
        assert up.wait(up.session.deadline_s - up.now_s) == []
        [(opcode, number)] = [command for command in up.asked() if command[0] == 7]
        assert opcode == 7
        up.now_s += 0.01
        assert up.say(13, "4s", number) == []
    assert up.now_s > 1000 + 19 * PING_AFTER_S


def test_a_daemon_that_does_not_answer_a_ping_is_given_up(up: Line) -> None:
    up.wait(PING_AFTER_S)
    assert up.wait(ANSWER_S - 0.01) == []
    assert "ping" in failure(up.wait(0.01))
    assert up.hear_info() == []


def test_chatter_is_no_answer_to_a_ping(up: Line) -> None:
    up.wait(PING_AFTER_S)
    for _ in range(9):
        up.now_s += ANSWER_S / 8
        up.say(0x40, "I", 1)
    assert "ping" in failure(up.session.pass_time(up.now_s))


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_a_question_that_stays_open_ends_the_connection(line: Line, answered: int) -> None:
    line.session.want(POCHE, line.now_s)
    number = line.channel(POCHE)
    raw = bytes.fromhex("c3b271dae480")
    answers: list[Saying] = [INFO, (1, "IBB", (number, 0, 0)), (14, "6s54xIx", (raw, 0))]
    for opcode, layout, fields in answers[:answered]:
        line.say(opcode, layout, *fields)
    assert line.session.deadline_s <= line.now_s + ANSWER_S
    assert "no answer" in failure(line.wait(ANSWER_S))


# -- what no flicd says


@pytest.mark.parametrize(
    ("opcode", "layout", "fields"),
    [
        INFO,  # answered already
        (13, "I", (1,)),  # nobody pinged
        (1, "IBB", (1, 0, 0)),
        (2, "IBB", (1, 2, 0)),
        (3, "IB", (1, 0)),
        (4, "IBBI", (1, 0, 0, 0)),
        (14, "6s54xIx", (b"\1" * 6, 0)),
        (20, "Ibq", (1, 50, 0)),
        (4, "IBB", (1, 0, 0)),  # too short
        (12, "B", (9,)),
    ],
)
def test_what_was_not_asked_for_ends_the_connection_and_nothing_after_it_is_believed(
    up: Line, opcode: int, layout: str, fields: tuple[int | bytes, ...]
) -> None:
    number = up.channel(POCHE)
    assert failure(up.say(opcode, layout, *fields))
    assert up.say(4, "IBBI", number, 0, 0, 0) == []


def test_a_press_before_the_breach_counts(up: Line) -> None:
    press = struct.pack("<HBIBBI", 11, 4, up.channel(POCHE), 0, 0, 0)
    reports = up.session.feed(press + b"\xff\xff" + press, up.now_s)
    assert [type(report) for report in reports] == [Pressed, Failed]


def test_a_flood_ends_the_connection(up: Line) -> None:
    press = struct.pack("<HBIBBI", 11, 4, up.channel(POCHE), 0, 0, 0)
    reports = up.session.feed(press * (MOST_EVENTS + 1), up.now_s)
    assert len(reports) <= MOST_EVENTS + 1
    assert str(MOST_EVENTS) in failure(reports)


@given(data=st.binary(max_size=400), cut=st.integers(0, 400))
def test_by_chance_no_garbage_becomes_a_press(data: bytes, cut: int) -> None:
    numbers = itertools.count(0x51000000)
    line = Line(Session(now_s=1000.0, number=lambda: next(numbers)))
    line.session.want(POCHE, line.now_s)
    reports = line.session.feed(data[:cut], line.now_s) + line.session.feed(data[cut:], line.now_s)
    assert not [report for report in reports if isinstance(report, Pressed)]
    assert not [report for report in reports[:-1] if isinstance(report, Failed)]
    assert line.session.deadline_s <= line.now_s + ANSWER_S


@given(
    said=st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 20]), st.binary(max_size=70)), max_size=12
    )
)
def test_no_sequence_of_events_breaks_the_session(said: list[tuple[int, bytes]]) -> None:
    """Each begins with a number that the daemon may use, so that more than the first check is met."""
    numbers = itertools.count(0x51000000)
    line = Line(Session(now_s=1000.0, number=lambda: next(numbers)))
    line.session.want(POCHE, line.now_s)
    number = line.channel(POCHE)
    for opcode, rest in said:
        reports = line.say(opcode, f"I{len(rest)}s", number, rest) + line.wait(0.5)
        if any(isinstance(report, Failed) for report in reports):
            assert line.say(4, "IBBI", number, 0, 0, 0) == []
            return
        assert line.now_s < line.session.deadline_s <= line.now_s + ANSWER_S
