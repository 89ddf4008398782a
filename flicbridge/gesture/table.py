"""Which rows of presses mean something on a button, and what an installer may get wrong about them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, NamedTuple

MOST_PRESSES: Final = 6
"""Nobody counts further in an emergency."""

LINGER_S: Final = 3.0
"""How far past its threshold a hold may last and still be followed by another press of its rhythm.

A finger that stays longer is no rhythm: it is pressed down in a struggle, or its release was lost on the
air. Without this limit such an alert would wait for a release that may never come.
"""


class Hold(StrEnum):
    """How long a press was held."""

    SHORT = "short"
    LONG = "long"


type Pattern = tuple[Hold, ...]
"""A row of presses, first press first."""

COMMON: Final[Mapping[str, Pattern]] = {
    "single": (Hold.SHORT,),
    "double": (Hold.SHORT,) * 2,
    "triple": (Hold.SHORT,) * 3,
    "long": (Hold.LONG,),
}
"""The gestures that need no explanation."""


def parse_rhythm(text: str) -> Pattern:
    """Read a rhythm, such as `short short long`.

    Raises:
        ValueError: it is none; the message says why, then `"; "`, then what to write.
    """
    words = text.lower().split()
    for word in words:
        if word not in Hold:
            near = get_close_matches(word, list(Hold), n=1) or ["short"]
            raise ValueError(f'"{word}" is no press; write short or long, here perhaps "{near[0]}"')
    if not 1 <= len(words) <= MOST_PRESSES:
        raise ValueError(
            f"a rhythm of {len(words)} presses cannot work; write 1 to {MOST_PRESSES} of them, such as"
            ' "short short long"'
        )
    return tuple(map(Hold, words))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What tells presses apart on one button, in seconds.

    Attributes:
        long_s: a press that lasts as long as this is long.
        window_s: the next press of a gesture begins within this time: after the `down` of a short press, as
            the vendor measures its double click (fact sheet, section 11), and after the `up` of a long one.
        debounce_s: a release shorter than this is a bounce of the contacts, and the press goes on. 0 for
            buttons that see to it themselves.
    """

    long_s: float = 1.0
    window_s: float = 0.5
    debounce_s: float = 0.0

    @property
    def longest_s(self) -> float:
        """A press that lasts longer has no sequel: its rhythm is over, finger down or not."""
        return self.long_s + max(LINGER_S, self.window_s)


class Flaw(NamedTuple):
    """Why a gesture cannot work.

    Attributes:
        name: the gesture.
        what: what is wrong with it.
        remedy: how to mend it, as a sentence.
    """

    name: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class GestureTable:
    """The gestures of one button.

    Attributes:
        patterns: what each gesture consists of. Of two that consist of the same, the first counts.
        thresholds: what tells presses apart.
    """

    patterns: Mapping[str, Pattern]
    thresholds: Thresholds = Thresholds()
    _names: Mapping[Pattern, str] = field(init=False, repr=False, compare=False)
    _unfinished: frozenset[Pattern] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names: dict[Pattern, str] = {}
        for name, pattern in self.patterns.items():
            names.setdefault(pattern, name)
        unfinished = frozenset(pattern[:n] for pattern in names for n in range(1, len(pattern)))
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_unfinished", unfinished)

    @property
    def plain_long(self) -> str | None:
        """Name of the gesture that is one long press, if there is one."""
        return self._names.get((Hold.LONG,))

    def follow(self, path: Pattern, hold: Hold) -> Pattern | None:
        """Return where one more press leads, or None if no gesture begins like that.

        A long press counts as short where a long one says nothing: no gesture goes on with it after this
        `path`, and none is one long press.
        """
        if hold is Hold.LONG and self.plain_long is None and not self._begins((*path, hold)):
            hold = Hold.SHORT
        longer = (*path, hold)
        return longer if self._begins(longer) else None

    def final(self, path: Pattern) -> str | None:
        """Return the gesture that `path` is, if no further press could make another one of it."""
        return None if path in self._unfinished else self._names.get(path)

    def problems(self) -> list[Flaw]:
        """Find the gestures that can never be made, or that cannot be told from another one."""
        return [
            Flaw(name, what, remedy)
            for name, pattern in self.patterns.items()
            for what, remedy in self._flaws(name, pattern)
        ]

    def _begins(self, path: Pattern) -> bool:
        return path in self._names or path in self._unfinished

    def _flaws(self, name: str, pattern: Pattern) -> Iterator[tuple[str, str]]:
        long_s, window_s, debounce_s = (
            self.thresholds.long_s,
            self.thresholds.window_s,
            self.thresholds.debounce_s,
        )
        if not pattern:
            yield "it has no presses, so nothing can make it", 'Write a rhythm, such as "short short long".'
        elif (namesake := self._names[pattern]) != name:
            yield f'it is made of the same presses as "{namesake}"', "Keep one of the two."
        if len(pattern) > MOST_PRESSES:
            yield f"it has {len(pattern)} presses", f"Make do with {MOST_PRESSES}."
        if Hold.LONG in pattern and long_s <= debounce_s:
            yield (
                f"a long press of {long_s:g} s cannot be told from a bounce of {debounce_s:g} s",
                "Make long_press longer than debounce.",
            )
        if len(pattern) > 1 and window_s <= debounce_s:
            yield (
                f"a second press within {window_s:g} s is taken for a bounce of {debounce_s:g} s",
                "Make double_window longer than debounce.",
            )
