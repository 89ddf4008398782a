"""Never later than theory allows, never earlier: against an oracle that tries every continuation.

The oracle knows nothing of deadlines or open presses. It reads complete histories only, written down once
more from the words of the specification, and says that a gesture is decided at the first instant after which
all histories that begin alike agree on it. Time is a grid: at most one edge per second, which is why the
thresholds here are seconds long.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flicbridge.gesture import GestureTable, Hold, Recogniser, Thresholds
from flicbridge.press.event import ButtonEvent, Counter, EventKind

type Edges = tuple[str, ...]
"""What happens at each instant of the grid: `D`own, `U`p or nothing (`.`)."""

type Said = tuple[str, int]
"""A gesture and the instant at which its first press began."""

HORIZON = 7  # instants in which every gesture of up to three presses can be begun or spoilt


@dataclass(frozen=True)
class Oracle:
    """Patterns as words of `S` and `L`, and thresholds in seconds."""

    patterns: dict[str, str]
    thresholds: Thresholds

    def decided_at(self, edges: Edges, nth: int) -> int:
        """The first instant at which all continuations agree on the nth gesture."""
        return next(n for n in range(len(edges)) if self._agree(edges[: n + 1], nth))

    def _agree(self, past: Edges, nth: int) -> bool:
        opinions = set()
        for future in continuations("D" in past and lasts(past), HORIZON):
            said = self.said(past + future)
            opinions.add(said[nth] if nth < len(said) else None)
            if len(opinions) > 1 or None in opinions:
                return False
        return True

    def said(self, edges: Edges) -> list[Said]:
        """What a complete history says; after its last instant nothing ever happens."""
        gestures, row = [], self._presses(edges)
        while row:
            name, presses = self._head(row)
            if name:
                gestures.append((name, row[0][0]))
            row = row[presses:]
        return gestures

    def _presses(self, edges: Edges) -> list[tuple[int, float]]:
        """When each press began and ended, bounces ironed out."""
        presses: list[tuple[int, float]] = []
        last_edge = -math.inf
        for now, edge in enumerate(edges):
            if edge == "D" and presses and now < last_edge + self.thresholds.debounce_s:
                presses[-1] = (presses[-1][0], math.inf)
            elif edge == "D":
                if presses and presses[-1][1] == math.inf:
                    presses[-1] = (presses[-1][0], min(now, presses[-1][0] + self.thresholds.long_s))
                presses.append((now, math.inf))
            elif edge == "U":
                presses[-1] = (presses[-1][0], now)
            last_edge = last_edge if edge == "." else now
        return presses

    def _head(self, row: Sequence[tuple[int, float]]) -> tuple[str | None, int]:
        words = self.patterns.values()
        spelt = ""
        for n, (down, up) in enumerate(row, start=1):
            long_counts = "L" in words or any(word.startswith(spelt + "L") for word in words)
            spelt += "L" if self._is_long(down, up) and long_counts else "S"
            if spelt in words and not any(word.startswith(spelt) and word != spelt for word in words):
                return self._name(spelt), n
            in_time = n < len(row) and row[n][0] <= self._latest_next(spelt[-1], down, up)
            if not in_time or not any(word.startswith(spelt) for word in words):
                return self._longest(row[:n])
        raise AssertionError("a complete row always ends in a pause")

    def _longest(self, row: Sequence[tuple[int, float]]) -> tuple[str | None, int]:
        truth = "".join("L" if self._is_long(*press) else "S" for press in row)
        words = [word for word in self.patterns.values() if self._fits(word, truth, row)]
        if "L" in self.patterns.values():
            first_hold = truth.find("L")
            if first_hold >= max(map(len, words), default=0):
                return self._name("L"), first_hold + 1
        if not words:
            return None, 1
        honoured = {
            word: [word[n : n + 1] == "L" for n, hold in enumerate(truth) if hold == "L"] for word in words
        }
        best = max(words, key=lambda word: (honoured[word], len(word)))
        return self._name(best), len(best)

    def _fits(self, word: str, truth: str, row: Sequence[tuple[int, float]]) -> bool:
        if len(word) > len(row) or any(
            hold != truly and (hold == "L" or "L" in self.patterns.values())
            for hold, truly in zip(word, truth, strict=False)
        ):
            return False
        return all(row[n][0] <= self._latest_next(word[n - 1], *row[n - 1]) for n in range(1, len(word)))

    def _name(self, word: str) -> str:
        return next(name for name, spelt in self.patterns.items() if spelt == word)

    def _is_long(self, down: int, up: float) -> bool:
        return up - down >= self.thresholds.long_s

    def _latest_next(self, hold: str, down: int, up: float) -> float:
        if hold == "S":
            return down + self.thresholds.window_s
        overlong = up - down > self.thresholds.longest_s
        return -math.inf if overlong else up + self.thresholds.window_s


def lasts(edges: Edges) -> bool:
    """Whether the finger is down in the end."""
    return "".join(edges).rstrip(".")[-1:] == "D"


def continuations(is_down: bool, instants: int) -> Iterator[Edges]:
    """Everything that may happen next, lost releases (`down` after `down`) included."""
    if instants == 0:
        yield ()
        return
    for edge in ".DU" if is_down else ".D":
        now_down = is_down if edge == "." else edge == "D"
        for rest in continuations(now_down, instants - 1):
            yield (edge, *rest)


THRESHOLDS = [
    Thresholds(1.5, 2.0),
    Thresholds(2.5, 2.0),
    Thresholds(1.5, 4.0),
    Thresholds(2.5, 3.0, debounce_s=0.5),
    Thresholds(2.5, 4.0, debounce_s=1.5),
]
words = st.text("SL", min_size=1, max_size=3)
oracles = st.builds(
    lambda found, thresholds: Oracle({word: word for word in found}, thresholds),
    st.lists(words, min_size=1, max_size=4, unique=True),
    st.sampled_from(THRESHOLDS),
)


@st.composite
def histories(draw: st.DrawFn) -> Edges:
    """Up to seven instants of fingers, then silence."""
    edges: list[str] = ["D"]
    for _ in range(draw(st.integers(0, 6))):
        edges.append(draw(st.sampled_from(".DU" if lasts(tuple(edges)) else ".D")))
    return (*edges, *"." * 12)


def hear(oracle: Oracle, edges: Edges) -> list[tuple[Said, float]]:
    """What the recogniser says, and when, if somebody keeps telling it what time it is."""
    holds = {"S": Hold.SHORT, "L": Hold.LONG}
    patterns = {name: tuple(holds[hold] for hold in word) for name, word in oracle.patterns.items()}
    recogniser = Recogniser(GestureTable(patterns, oracle.thresholds))
    kinds = {"D": EventKind.DOWN, "U": EventKind.UP}
    heard = []
    for now, edge in enumerate(edges):
        if edge in kinds:
            event = ButtonEvent("b", "s", kinds[edge], float(now), Counter(7, now), False, 0.0, float(now))
            heard += recogniser.feed(event)
        heard += recogniser.pass_time(float(now))
    return [((gesture.name, int(gesture.first.at_s)), gesture.decided_at_s) for gesture in heard]


@settings(max_examples=80, deadline=None)
@given(oracle=oracles, edges=histories())
@example(oracle=Oracle({"single": "S"}, THRESHOLDS[0]), edges=(*"DU", *"." * 12))
@example(oracle=Oracle({"single": "S", "double": "SS"}, THRESHOLDS[0]), edges=(*"DUD", *"." * 12))
@example(
    oracle=Oracle({"single": "S", "double": "SS", "long": "L"}, THRESHOLDS[0]), edges=(*"DUD", *"." * 12)
)
@example(oracle=Oracle({"single": "S", "triple": "SSS"}, THRESHOLDS[1]), edges=(*"DUDU", *"." * 12))
@example(oracle=Oracle({"single": "S", "rhythm": "LS"}, THRESHOLDS[0]), edges=(*"D...U", *"." * 12))
@example(oracle=Oracle({"single": "S", "double": "SS"}, THRESHOLDS[4]), edges=(*"D..U", *"." * 12))
def test_every_gesture_is_decided_at_the_first_instant_at_which_all_futures_agree(
    oracle: Oracle, edges: Edges
) -> None:
    heard = hear(oracle, edges)
    assert [said for said, _ in heard] == oracle.said(edges)
    for nth, (_, decided_at_s) in enumerate(heard):
        assert math.floor(decided_at_s) == oracle.decided_at(edges, nth)
