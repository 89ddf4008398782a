"""One connection to flicd: what to say on it, what to believe of what is heard. Sans-IO.

For each button that is wanted there is a channel; the daemon then connects whenever the button calls, and
keeps it connected. A channel that ends is asked for again, for ever. Everything asked must be answered in
time, and when all is quiet a ping is asked, so a daemon that hangs or is cut off is noticed within seconds.

flicd proves nothing about itself. What protects us from bytes that are not its own (a stranger on the port,
a stream out of step) is that numbers are strict, that nobody may answer what was not asked, and that channels
have numbers which cannot be guessed: by chance, no garbage becomes a press.
"""

from collections.abc import Callable
from typing import Final, assert_never

from flicbridge.press.flicd.events import (
    Battery,
    ButtonInfo,
    ChannelAnswer,
    ChannelRemoved,
    Clicked,
    Controller,
    ControllerChanged,
    Deleted,
    DisconnectReason,
    Event,
    Info,
    Latency,
    Malformed,
    NewlyVerified,
    Other,
    Pong,
    RemovedReason,
    SpaceChanged,
    Status,
    StatusChanged,
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
from flicbridge.press.flicd.wire import (
    NEVER_DISCONNECT,
    Inbox,
    create_battery_listener,
    create_channel,
    get_button_info,
    get_info,
    ping,
    remove_channel,
)

# The daemon answers from memory: milliseconds on the same machine, and some more where it is busy.
ANSWER_S: Final = 4.0
# After so much silence a ping is sent. With the time for its answer: how long a dead line goes unnoticed.
PING_AFTER_S: Final = 4.0
# A refused or ended channel is asked for again after this: it costs the daemon nothing.
AGAIN_S: Final = 2.0
# A long queue told at once stays far below; whoever says more has gone mad, and would fill our memory.
MOST_EVENTS: Final = 5000
MOST_EVENTS_WITHIN_S: Final = 10.0

NOT_PAIRED: Final = "flicd has not paired with this button: hold it for 7 seconds while the bridge runs"
NO_ROOM: Final = "flicd's Bluetooth controller has no room for another button"

_WHY_ENDED: Final = {
    DisconnectReason.UNSPECIFIED: "flicd lost the connection",
    DisconnectReason.CONNECTION_ESTABLISHMENT_FAILED: "the button did not answer flicd in time",
    DisconnectReason.TIMED_OUT: "out of flicd's reach",
    DisconnectReason.BONDING_KEYS_MISMATCH: "flicd and the button have different keys; pair them again",
}
_WHY_REMOVED: Final[dict[RemovedReason | None, str]] = {
    RemovedReason.FORCE_DISCONNECTED_BY_OTHER_CLIENT: "another program made flicd disconnect the button",
    RemovedReason.BUTTON_IS_PRIVATE: NOT_PAIRED,
    RemovedReason.VERIFY_TIMEOUT: "pairing with flicd took too long",
    RemovedReason.INTERNET_BACKEND_ERROR: "flicd could not ask the vendor's server, which pairing needs",
    RemovedReason.INVALID_DATA: "the vendor's server does not know this button",
    RemovedReason.DELETED_BY_OTHER_CLIENT: "another program made flicd forget the button",
    RemovedReason.BUTTON_BELONGS_TO_OTHER_PARTNER: "the button belongs to another partner of the vendor",
    RemovedReason.DELETED_FROM_BUTTON: "the button has forgotten flicd; pair them again",
}
_NO_FAULT_OF_THE_BUTTON: Final = {
    None,
    RemovedReason.REMOVED_BY_THIS_CLIENT,
    RemovedReason.FORCE_DISCONNECTED_BY_THIS_CLIENT,
    RemovedReason.FORCE_DISCONNECTED_BY_OTHER_CLIENT,
    RemovedReason.COULDNT_LOAD_DEVICE,
}
_LINK: Final = {
    Status.DISCONNECTED: Link.WAITING,
    Status.CONNECTED: Link.CONNECTING,
    Status.READY: Link.UP,
}

type _Question = tuple[str, int | str]
"""What we wait for, and about what."""

_INFO: Final[_Question] = ("how it is doing", 0)


class _BreachError(Exception):
    """The other side did what no flicd does."""


class Session:
    """See the module's docstring.

    Args:
        now_s: the time, in seconds; every time given later is of the same clock.
        number: draws a 32-bit number that nobody can guess.

    Attributes:
        deadline_s: when `pass_time` is due at the latest.
    """

    def __init__(self, *, now_s: float, number: Callable[[], int]) -> None:
        self._number = number
        self._inbox = Inbox()
        self._outgoing = bytearray()
        self._owed: dict[_Question, float] = {}
        self._conn_ids: dict[str, int] = {}  # of the channels that are wanted and asked for
        self._addresses: dict[int, str] = {}  # of all channels that the daemon may know
        self._again_s: dict[str, float] = {}  # when to ask for a wanted channel once more
        self._listeners: dict[int, str] = {}
        self._not_paired: set[str] = set()
        self._heard_s = now_s
        self._window_s = now_s
        self._events_in_window = 0
        self._controller: Controller | None = None
        self._is_full = False
        self._health: Health | None = None
        self._has_failed = False
        self._ask(_INFO, get_info(), now_s)

    # ---- what the driver calls

    def want(self, address: str, now_s: float) -> None:
        """Ask for a button's events, again and again until they come."""
        if address in self._conn_ids or address in self._again_s:
            return
        self._open_channel(address, now_s)
        self._ask_who(address, now_s)
        if address not in self._listeners.values():
            listener_id = self._fresh(self._listeners)
            self._listeners[listener_id] = address
            self._ask(("battery", listener_id), create_battery_listener(listener_id, address), now_s)

    def release(self, address: str, now_s: float) -> None:
        """Ask for no more of them. The button then keeps what is pressed, unless others listen to it too."""
        self._again_s.pop(address, None)
        conn_id = self._conn_ids.pop(address, None)
        if conn_id is not None:
            self._ask(("removal", conn_id), remove_channel(conn_id), now_s)

    def take_outgoing(self) -> bytes:
        """What has to be sent, once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def feed(self, data: bytes, now_s: float) -> list[Report]:
        """Take in what was received, cut anywhere. Nothing follows a `Failed`."""
        if self._has_failed:
            return []
        self._heard_s = now_s
        reports: list[Report] = []
        try:
            for event in self._inbox.feed(data):
                self._count(now_s)
                reports += self._hear(event, now_s)
        except _BreachError as breach:
            reports.append(self._fail(str(breach)))
        return reports

    def pass_time(self, now_s: float) -> list[Report]:
        """Do what is due; to be called when `deadline_s` has come, and at any other time."""
        if self._has_failed:
            return []
        late = [what for (what, _), by_s in self._owed.items() if by_s <= now_s]
        if late:
            return [self._fail(f"no answer within {ANSWER_S:g} s ({late[0]})")]
        if now_s >= self._heard_s + PING_AFTER_S and not self._is_waiting_for_pong():
            ping_id = self._number()
            self._ask(("ping", ping_id), ping(ping_id), now_s)
        for address in [address for address, again_s in self._again_s.items() if again_s <= now_s]:
            del self._again_s[address]
            self._open_channel(address, now_s)
        return []

    @property
    def deadline_s(self) -> float:
        """When `pass_time` is due at the latest."""
        due_s = [*self._owed.values(), *self._again_s.values()]
        if not self._is_waiting_for_pong():
            due_s.append(self._heard_s + PING_AFTER_S)
        return min(due_s)

    # ---- asking

    def _ask(self, question: _Question, command: bytes, now_s: float) -> None:
        self._owed[question] = now_s + ANSWER_S
        self._outgoing += command

    def _answered(self, what: str, about: int | str) -> None:
        if self._owed.pop((what, about), None) is None:
            raise _BreachError(f"it answers what was not asked ({what})")

    def _is_waiting_for_pong(self) -> bool:
        return any(what == "ping" for what, _ in self._owed)

    def _open_channel(self, address: str, now_s: float) -> None:
        conn_id = self._fresh(self._addresses)
        self._conn_ids[address] = conn_id
        self._addresses[conn_id] = address
        command = create_channel(conn_id, address, Latency.LOW, NEVER_DISCONNECT)
        self._ask(("channel", conn_id), command, now_s)

    def _ask_who(self, address: str, now_s: float) -> None:
        if ("button", address) not in self._owed:
            self._ask(("button", address), get_button_info(address), now_s)

    def _fresh(self, taken: dict[int, str]) -> int:
        while (number := self._number()) in taken:
            pass
        return number

    # ---- hearing

    def _count(self, now_s: float) -> None:
        if now_s >= self._window_s + MOST_EVENTS_WITHIN_S:
            self._window_s, self._events_in_window = now_s, 0
        self._events_in_window += 1
        if self._events_in_window > MOST_EVENTS:
            raise _BreachError(f"more than {MOST_EVENTS} events within {MOST_EVENTS_WITHIN_S:g} s")

    def _hear(self, event: Event | Malformed, now_s: float) -> list[Report]:
        match event:
            case Clicked(conn_id):
                return self._of_button(conn_id, lambda address: [Pressed(address, event)])
            case StatusChanged(conn_id, status, reason):
                return self._of_button(conn_id, lambda address: self._linked(address, status, reason, now_s))
            case ChannelAnswer():
                return self._channel_answered(event, now_s)
            case ChannelRemoved():
                return self._channel_removed(event.conn_id, event.reason, now_s)
            case Info(controller, is_full):
                self._answered(*_INFO)
                self._controller, self._is_full = controller, is_full
                return self._health_report()
            case ControllerChanged(controller):
                self._controller = controller
                return self._health_report()
            case SpaceChanged(is_full):
                self._is_full = is_full
                return self._health_report()
            case ButtonInfo():
                return self._identified(event)
            case Battery(listener_id, percent):
                return self._battery(listener_id, percent)
            case Pong(ping_id):
                self._answered("ping", ping_id)
            case NewlyVerified(address) | Deleted(address):
                if address in self._conn_ids or address in self._again_s:
                    self._ask_who(address, now_s)
            case Other():
                pass
            case Malformed(why):
                raise _BreachError(why)
            case unreachable:
                assert_never(unreachable)
        return []

    def _of_button(self, conn_id: int, report: Callable[[str], list[Report]]) -> list[Report]:
        """The report about the button of a channel; nothing if the channel was given up meanwhile."""
        address = self._addresses.get(conn_id)
        if address is None:
            raise _BreachError("an event of a channel that does not exist")
        return report(address) if self._conn_ids.get(address) == conn_id else []

    def _channel_answered(self, answer: ChannelAnswer, now_s: float) -> list[Report]:
        self._answered("channel", answer.conn_id)
        if answer.accepted:
            status = answer.status
            return self._of_button(answer.conn_id, lambda address: self._linked(address, status, None, now_s))
        address = self._addresses.pop(answer.conn_id)
        self._owed.pop(("removal", answer.conn_id), None)  # what was never created is not removed either
        if self._conn_ids.get(address) != answer.conn_id:
            return []
        self._ask_again(address, now_s)
        return [LinkChanged(address, Link.WAITING, NO_ROOM)]

    def _channel_removed(self, conn_id: int, reason: RemovedReason | None, now_s: float) -> list[Report]:
        address = self._addresses.pop(conn_id, None)
        if address is None:
            raise _BreachError("a channel ends that does not exist")
        self._owed.pop(("removal", conn_id), None)
        self._owed.pop(("channel", conn_id), None)
        if self._conn_ids.get(address) != conn_id:
            return []
        self._ask_again(address, now_s)
        why = _WHY_REMOVED.get(reason, "flicd ended the channel")
        link = Link.WAITING if reason in _NO_FAULT_OF_THE_BUTTON else Link.REFUSED
        return [LinkChanged(address, link, why)]

    def _ask_again(self, address: str, now_s: float) -> None:
        del self._conn_ids[address]
        self._again_s[address] = now_s + AGAIN_S

    def _linked(
        self, address: str, status: Status, reason: DisconnectReason | None, now_s: float
    ) -> list[Report]:
        if status is Status.READY and address in self._not_paired:
            self._ask_who(address, now_s)
        why = None if reason is None else _WHY_ENDED[reason]
        link = _LINK[status]
        if reason is DisconnectReason.BONDING_KEYS_MISMATCH:
            link = Link.REFUSED
        elif link is Link.WAITING and address in self._not_paired:
            link, why = Link.NOT_PAIRED, NOT_PAIRED
        return [LinkChanged(address, link, why)]

    def _identified(self, info: ButtonInfo) -> list[Report]:
        self._answered("button", info.address)
        if info.is_verified:
            self._not_paired.discard(info.address)
            return [Identified(info.address, info.serial, info.firmware)]
        self._not_paired.add(info.address)
        return [LinkChanged(info.address, Link.NOT_PAIRED, NOT_PAIRED)]

    def _battery(self, listener_id: int, percent: int | None) -> list[Report]:
        address = self._listeners.get(listener_id)
        if address is None:
            raise _BreachError("a battery that was not asked for")
        self._owed.pop(("battery", listener_id), None)
        return [] if percent is None else [BatteryRead(address, percent)]

    def _health_report(self) -> list[Report]:
        if self._controller is None:
            return []  # it has not answered yet
        if self._controller is not Controller.ATTACHED:
            health = Health.RADIO_OFF
        else:
            health = Health.FULL if self._is_full else Health.CONNECTED
        if health is self._health:
            return []
        self._health = health
        return [HealthChanged(health)]

    def _fail(self, why: str) -> Failed:
        self._has_failed = True
        return Failed(why)
