"""The board on which every part pins what it noticed; the newest note of each kind stays."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flicbridge.clock import Clock
from flicbridge.observation import Observation, Observe, Value

FLEETING: Final = frozenset({"host", "loop", "pipeline"})
FLEETING_PREFIX: Final = "health_"
"""What is asked anew after every start, and changes all the time: memory cards wear out by writing."""

FLEETING_FACTS: Final = frozenset({"running", "failure", "failures", "paused", "circuit", "next_try_at"})
"""What is only true of one run: the next one starts every part anew, has let go of no button, and finds out
by itself which channels fail and what is to be tried when."""


def is_fleeting(subject: str, fact: str) -> bool:
    """Whether a fact is not for a later run: neither written down nor believed."""
    return subject in FLEETING or fact in FLEETING_FACTS or fact.startswith(FLEETING_PREFIX)


@dataclass(frozen=True, slots=True)
class Note:
    """An observation with its times, both UTC.

    Attributes:
        value: the fact.
        since_at: since when it has been just this.
        at: when it was last said.
    """

    value: Value
    since_at: datetime
    at: datetime

    @property
    def is_new(self) -> bool:
        """Whether it was something else until it was last said."""
        return self.since_at == self.at


class Board:
    """Keeps the newest observation per subject and fact. Bounded by the number of parts.

    Args:
        clock: what time it is.
        also: told every observation as well.
    """

    def __init__(self, clock: Clock, also: Observe | None = None) -> None:
        self._clock = clock
        self._listeners = [] if also is None else [also]
        self._notes: dict[tuple[str, str], Note] = {}
        self._changed: set[tuple[str, str]] = set()

    def observe(self, observation: Observation) -> None:
        """Pin an observation."""
        key, now_at = (observation.subject, observation.fact), self._clock.now_at()
        old = self._notes.get(key)
        same = old is not None and old.value == observation.value
        self._notes[key] = Note(observation.value, old.since_at if old and same else now_at, now_at)
        if not is_fleeting(*key):
            self._changed.add(key)
        for tell in self._listeners:
            tell(observation)

    def listen(self, hear: Observe) -> None:
        """Have somebody told every observation from now on."""
        self._listeners.append(hear)

    def remember(self, found: Iterable[tuple[Observation, datetime]]) -> None:
        """Take over what was known before a restart, without overruling anything newer."""
        for observation, at in found:
            key = (observation.subject, observation.fact)
            self._notes.setdefault(key, Note(observation.value, at, at))

    def value(self, subject: str, fact: str) -> Value:
        """The newest value, or None if nobody said anything."""
        note = self._notes.get((subject, fact))
        return None if note is None else note.value

    def note(self, subject: str, fact: str) -> Note | None:
        """The newest note, or None."""
        return self._notes.get((subject, fact))

    def notes(self, fact: str) -> Iterator[tuple[str, Note]]:
        """Every subject of which this fact is known, with the note."""
        return ((subject, note) for (subject, of), note in self._notes.items() if of == fact)

    def facts(self, subject: str) -> dict[str, Value]:
        """All that is known of one subject."""
        return {fact: note.value for (of, fact), note in self._notes.items() if of == subject}

    def changed(self, subjects: Container[str] | None = None) -> list[tuple[Observation, datetime]]:
        """What is to be remembered on disk and is not there yet, of some subjects or of all.

        It is given out again until `kept` is told of it.
        """
        due = [key for key in self._changed if subjects is None or key[0] in subjects]
        return [(Observation(*key, self._notes[key].value), self._notes[key].at) for key in due]

    def kept(self, found: Iterable[tuple[Observation, datetime]]) -> None:
        """It is on disk. What was said anew meanwhile is not."""
        for observation, at in found:
            key = (observation.subject, observation.fact)
            note = self._notes.get(key)
            if note is not None and (note.value, note.at) == (observation.value, at):
                self._changed.discard(key)

    def owe_all(self) -> None:
        """Have everything remembered anew: there may be another file on the disk."""
        self._changed = {key for key in self._notes if not is_fleeting(*key)}
