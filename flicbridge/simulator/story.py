"""What is known while a scenario is played: which presses became which alerts, and what arrived of them.

Told by three: the stage (fingers, switches), the bridge (its log) and the gateways (what arrived).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final
from uuid import UUID

from flicbridge.alert.alert import Happening, Purpose, delivery_id
from flicbridge.alert.trial import DELIVERED, MISSED, SENT
from flicbridge.clock import Clock
from flicbridge.config.check import MOST_REMINDERS
from flicbridge.outbox.ledger import Effect
from flicbridge.simulator.letter import Letter, Tells
from flicbridge.simulator.overhear import Entry
from flicbridge.simulator.timeline import Timeline, What

ENDED: Final = {"failed": What.REFUSED, "expired": What.GIVEN_UP, "withdrawn": What.WITHDRAWN}
"""How a message can end without arriving."""


@dataclass(slots=True)
class Call:
    """One alert as it came about before our eyes.

    Attributes:
        id: its id.
        steps: how many steps the plan has.
        fingers_s: when the finger went down for each press that raised or joined it, monotonic.
        cancelled_s: when the finger went down, or the API was asked, to cancel it.
        answered_s: the same for who acknowledged it.
    """

    id: UUID
    steps: int
    fingers_s: list[float] = field(default_factory=list)
    cancelled_s: float | None = None
    answered_s: float | None = None

    def owes(self, channel: str) -> Iterator[tuple[UUID, Tells]]:
        """Every message that a channel may get about it."""
        told = [Tells(self.id, Purpose.ALERT, 0, step) for step in range(self.steps)]
        numbers = product(range(1, MOST_REMINDERS + 1), range(self.steps))
        told += [Tells(self.id, Purpose.REMINDER, number, step) for number, step in numbers]
        told += [Tells(self.id, Purpose.AGAIN, occasion, 0) for occasion in range(1, len(self.fingers_s))]
        told += [Tells(self.id, Purpose.TESTED, occasion, 0) for occasion in (MISSED, SENT, DELIVERED)]
        told += [Tells(self.id, purpose, 0, 0) for purpose in (Purpose.CANCELLED, Purpose.ANSWERED)]
        for tells in told:
            yield delivery_id(self.id, tells.purpose, tells.occasion, tells.step, channel), tells

    def cause_s(self, tells: Tells) -> float:
        """When that happened which a message tells of."""
        moved_s = {
            Purpose.CANCELLED: self.cancelled_s,
            Purpose.DOUBTED: self.cancelled_s,
            Purpose.ANSWERED: self.answered_s,
        }.get(tells.purpose)
        if moved_s is not None:
            return moved_s
        return self.fingers_s[tells.occasion if tells.purpose is Purpose.AGAIN else 0]


@dataclass(slots=True)
class Story:
    """Everything that is known so far.

    Attributes:
        timeline: where it is told.
        recipients: by channel.
        reactions: by button, key and gesture.
        steps: how many steps the plan has.
        calls: the alerts, oldest first.
        letters: what arrived, in order.
        joined: how many presses joined an alert.
        healed_s: when the last fault ended, monotonic.
        notices: the messages about the bridge itself that it owes.
    """

    clock: Clock
    timeline: Timeline
    recipients: Mapping[str, str]
    reactions: Mapping[tuple[str, int, str], str]
    steps: int
    calls: dict[UUID, Call] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    joined: int = 0
    healed_s: float | None = None
    notices: set[UUID] = field(default_factory=set)
    _fingers: dict[str, list[float]] = field(default_factory=dict)
    _recognised_s: dict[str, float] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)

    # -- from the stage ------------------------------------------------------------------------------------

    def finger_down(self, button: str, at_s: float) -> None:
        """A finger went down."""
        self._fingers.setdefault(button, []).append(at_s)
        self.timeline.note(What.FINGER_DOWN, at_s=at_s, button=button)

    def arrived(self, letter: Letter) -> Letter:
        """Something arrived; returns it with what it tells."""
        letter = self._identified(letter)
        self.letters.append(letter)
        self.timeline.note(What.ARRIVED, at_s=letter.at_s, **self._shown(letter))
        return letter

    def _identified(self, letter: Letter) -> Letter:
        for call in self.calls.values():
            for delivery, tells in call.owes(letter.channel):
                if delivery == letter.delivery:
                    if letter.is_doubt and tells.purpose is Purpose.CANCELLED:
                        tells = replace(tells, purpose=Purpose.DOUBTED)
                    return replace(letter, tells=tells)
        return letter

    def explains(self, letter: Letter) -> bool:
        """Tell whether it is known why a message came: of an alert, or of the bridge to its maintainer."""
        return letter.tells is not None or letter.delivery in self.notices

    def took_s(self, letter: Letter) -> float | None:
        """How long after the finger went down a message arrived; None if nobody knows what it is."""
        if letter.tells is None:
            return None
        return letter.at_s - self.calls[letter.tells.alert].cause_s(letter.tells)

    def _shown(self, letter: Letter) -> dict[str, Any]:
        tells, took_s = letter.tells, self.took_s(letter)
        return {
            "channel": letter.channel,
            "recipient": letter.recipient,
            "medium": letter.medium.value,
            "purpose": None if tells is None else tells.purpose.value,
            "occasion": None if tells is None else tells.occasion,
            "alert": None if tells is None else str(tells.alert),
            "explained": self.explains(letter),
            "took_s": None if took_s is None else round(took_s, 4),
            "subject": letter.subject,
            "text": letter.text,
            "late": None if letter.data is None else letter.data.get("late"),
        }

    # -- from the bridge -----------------------------------------------------------------------------------

    def hear(self, entry: Entry) -> None:
        """The bridge wrote a line into its log."""
        facts = entry.facts
        match entry.event:
            case "gesture_recognised":
                self._gesture(facts["button"], facts["key"], facts["gesture"])
            case "press_taken":
                self._press(facts)
            case "delivery":
                self._delivery(facts)
            case "alert_moved":
                self._moved(facts)
            case "notice_owed":
                self.notices.add(UUID(facts["notice"]))
            case "link_up":
                self.timeline.note(What.LINK_UP, button=facts["button"])
            case "link_lost":
                self.timeline.note(What.LINK_LOST, button=facts["button"])
        if entry.level == "error":
            detail = ", ".join(f"{key}: {value}" for key, value in facts.items())
            self.timeline.note(What.ERROR, event=entry.event, detail=detail)

    def _gesture(self, button: str, key: int, gesture: str) -> None:
        self._recognised_s[button] = self.clock.now_s()
        reaction = self.reactions.get((button, key, gesture), "none")
        self.timeline.note(What.GESTURE, button=button, gesture=gesture, reaction=reaction)

    def _press(self, facts: Mapping[str, Any]) -> None:
        button, effect, now_s = facts["button"], Effect(facts["effect"]), self.clock.now_s()
        finger_s = self._finger_at(button, now_s - facts["age_s"])
        number = 1
        if effect in (Effect.RAISED, Effect.JOINED):
            alert = UUID(facts["alert"])
            call = self.calls.setdefault(alert, Call(alert, self.steps))
            call.fingers_s.append(finger_s)
            number = len(call.fingers_s)
            # Messages may leave before the bridge finds the time to say what they are about.
            self.letters = [each if each.tells else self._identified(each) for each in self.letters]
            self.joined += effect is Effect.JOINED
        if effect is Effect.CANCELLED:
            self._cancelled(finger_s)
        if effect is Effect.ACKNOWLEDGED:
            self._answered(finger_s)
        self.timeline.note(
            What.TAKEN,
            button=button,
            gesture=facts["gesture"],
            effect=effect.value,
            alert=None if facts["alert"] == "None" else facts["alert"],
            number=number,
            queued=facts["queued"],
            age_s=facts["age_s"],
            took_s=round(now_s - self._recognised_s.get(button, now_s), 4),
            safe=facts["safe"],
        )

    def _finger_at(self, button: str, about_s: float) -> float:
        """When the finger really went down; the bridge knows it a few milliseconds less well."""
        return min(self._fingers.get(button, [about_s]), key=lambda at_s: abs(at_s - about_s))

    def _cancelled(self, at_s: float) -> None:
        for call in self.calls.values():
            if call.cancelled_s is None:
                call.cancelled_s = at_s

    def _answered(self, at_s: float) -> None:
        for call in self.calls.values():
            if call.answered_s is None:
                call.answered_s = at_s

    def _moved(self, facts: Mapping[str, Any]) -> None:
        call = self.calls.get(UUID(facts["alert"]))
        if call is not None and facts["what"] == Happening.CANCELLED:
            call.cancelled_s = self.clock.now_s()
        if call is not None and facts["what"] == Happening.ACKNOWLEDGED:
            call.answered_s = self.clock.now_s()
        self.timeline.note(What.MOVED, alert=facts["alert"], happening=facts["what"])

    def _delivery(self, facts: Mapping[str, Any]) -> None:
        channel, state = facts["channel"], facts["state"]
        about = {"channel": channel, "recipient": self.recipients.get(channel, channel)}
        if state == "queued":
            said = f"{facts['delivery']} {facts['detail']}"
            is_repeated, self._said[channel] = self._said.get(channel) == said, said
            attempt = {"attempt": facts["attempt"], "detail": facts["detail"], "is_repeated": is_repeated}
            self.timeline.note(What.FAILED_TRY, **about, **attempt)
        elif state == "delivered":
            self.timeline.note(What.DELIVERED, **about, took_s=self._since_cause(facts))
        elif state in ENDED:
            self.timeline.note(ENDED[state], **about, detail=facts["detail"])

    def _since_cause(self, facts: Mapping[str, Any]) -> float | None:
        call = self.calls.get(UUID(facts["alert"]))
        for delivery, tells in call.owes(facts["channel"]) if call else ():
            if str(delivery) == facts["delivery"]:
                assert call is not None  # noqa: S101 - it owes something
                return round(self.clock.now_s() - call.cause_s(tells), 4)
        return None
