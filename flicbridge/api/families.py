"""What a scrape shows: the answer of `status` and what was counted, as families of metrics. Pure.

Names, units and helps follow https://prometheus.io/docs/practices/naming/. Labels carry names of the settings
(buttons, channels) and words of fixed sets; never a person, a number or a place. What can happen is there
with 0 before it happens for the first time, or that first time would be no increase.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from platform import python_version
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from flicbridge.alert.alert import AlertKind, DeliveryState
from flicbridge.clock import is_credible
from flicbridge.errors import Failure
from flicbridge.guard.notices import SUBJECT as NOTICE
from flicbridge.guard.notices import TOLD_OF
from flicbridge.guard.protection import Protection
from flicbridge.guard.tally import BOUNDS_S, Counted, Spread
from flicbridge.outbox.circuit import CircuitState
from flicbridge.outbox.fault import Fault
from flicbridge.press.incidents import Incident

type Json = Mapping[str, Any]
type Labels = tuple[str, ...]
type Known = dict[Labels, float | None]
"""A number for each set of label values, or None where nobody knows it."""

OUTCOMES: Final = (DeliveryState.SENT, DeliveryState.DELIVERED, *Failure)
"""What can come of one try."""

ENDS: Final = (
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.EXPIRED,
    DeliveryState.WITHDRAWN,
)
"""Where a delivery can get to."""

LISTENING: Final = frozenset({"scanning", "silent"})
"""States of a radio that is switched on."""

UNKNOWN_FAULT: Final = "unknown"

STEPS: Final = {"scanner_restart": "scanner_restarts", "power_cycle": "power_cycles"}
"""What is done about a silent radio, and the fact that counts it."""


@dataclass(frozen=True, slots=True, eq=False)  # a registry knows its collectors by identity
class Scrape:
    """Collects, as `prometheus_client` wants it.

    Attributes:
        report: the answer of `status`.
        counted: what was counted by then.
    """

    report: Json
    counted: Counted

    def collect(self) -> Iterator[Metric]:
        """Every family, each once."""
        now_at = _now_at(self.report["bridge"])
        yield _protection(self.report["protection"])
        yield from _bridge(self.report)
        yield from _outbox(self.report["outbox"], now_at)
        yield from _alerts(self.report, self.counted)
        yield from _channel_states(self.report["channels"])
        yield from _channel_counts(self.report["channels"], self.counted)
        yield _press_to_provider(self.report["channels"], self.counted)
        yield from _buttons(self.report["buttons"], now_at)
        yield from _button_counts(self.report["buttons"], self.counted)
        yield from _radio(self.report["radio"], self.counted, now_at)
        yield from _flicd(self.report["flicd"])
        yield from _disk(self.report["store"])
        yield from _clock(self.report["problems"], self.counted)
        yield _attacks(self.report["buttons"], self.counted)
        yield from _wrong(self.report["problems"], self.counted)


def _now_at(bridge: Json) -> datetime:
    """When the report was made."""
    return datetime.fromisoformat(bridge["started_at"]) + timedelta(seconds=bridge["uptime_s"])


def _ago_s(then: object, now_at: datetime) -> float | None:
    """Seconds since a time in the report; None if there is none, or a clock dated it that nobody had set."""
    if not isinstance(then, str):
        return None
    then_at = datetime.fromisoformat(then)
    return max(0.0, (now_at - then_at).total_seconds()) if is_credible(then_at) else None


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"flicbridge_{name}", documentation, value=value)


def _gauges(name: str, documentation: str, labels: Labels, samples: Known) -> Metric:
    """A family of gauges; what is not known is not there."""
    family = GaugeMetricFamily(f"flicbridge_{name}", documentation, labels=labels)
    for values, sample in samples.items():
        if sample is not None:
            family.add_metric(values, sample)
    return family


def _counters(name: str, documentation: str, labels: Labels, samples: dict[Labels, float]) -> Metric:
    family = CounterMetricFamily(f"flicbridge_{name}", documentation, labels=labels)
    for values, sample in samples.items():
        family.add_metric(values, sample)
    return family


def _protection(protection: Json) -> Metric:
    return _gauges(
        "protection",
        "Whether a press would reach help, as `flicbridge status` answers it: 1 for the state it is in.",
        ("state",),
        {(state.value,): float(protection["state"] == state) for state in Protection},
    )


def _bridge(report: Json) -> Iterator[Metric]:
    bridge = report["bridge"]
    about = {"bridge": bridge["id"], "version": bridge["version"], "python": python_version()}
    yield InfoMetricFamily("flicbridge_build", "Which bridge this is, and what it runs.", value=about)
    yield _gauge("rehearsal", "1 while messages are shown instead of sent.", bridge["rehearsal"])
    lag: Known = {(): _scaled(bridge["loop_lag_s"], 1)}
    yield _gauges("loop_lag_seconds", "The worst delay of the event loop within the last minute.", (), lag)


def _outbox(outbox: Json, now_at: datetime) -> Iterator[Metric]:
    """What waits; nothing of it where the database cannot be read, for 0 would be a lie."""
    is_read = outbox.get("error") is None
    yield _gauge("queue_readable", "1 if the outbox could be read for this scrape.", is_read)
    states: Known = {(state,): outbox[state] if is_read else None for state in ("queued", "sending")}
    yield _gauges("deliveries", "Deliveries in the outbox, by state.", ("state",), states)
    waiting = [_ago_s(outbox.get(key), now_at) for key in ("oldest_due_at", "oldest_tried_at")]
    oldest_s = max((age_s for age_s in waiting if age_s is not None), default=0.0)
    yield _gauges(
        "queue_age_seconds",
        "How long the oldest delivery has waited that is due, or was tried before without success.",
        (),
        {(): oldest_s if is_read else None},
    )


def _alerts(report: Json, counted: Counted) -> Iterator[Metric]:
    kinds: dict[Labels, float] = {
        (kind.value,): counted.number("alerts", "last_kind", kind.value) for kind in AlertKind
    }
    yield _counters("alerts", "Alerts raised, by kind.", ("kind",), kinds)
    yield _gauge("alerts_open", "Calls for help that are not over.", len(report["open_alerts"]))


def _channel_states(channels: list[Json]) -> Iterator[Metric]:
    of = {(channel["channel"],): channel for channel in channels}
    yield _gauges(
        "channel_circuit",
        "Whether the channel works: 1 for the state it is in. Closed is well, open is failing.",
        ("channel", "state"),
        {(*name, s.value): float(c["circuit"] == s.value) for name, c in of.items() for s in CircuitState},
    )
    yield _gauges(
        "channel_failures",
        "Tries of the channel that have failed in a row.",
        ("channel",),
        {name: channel["failures_in_a_row"] for name, channel in of.items()},
    )
    yield _gauges(
        "channel_last_success_timestamp_seconds",
        "When a provider last accepted a message over the channel, in seconds since 1970.",
        ("channel",),
        {name: _timestamp(channel.get("last_success")) for name, channel in of.items()},
    )


def _timestamp(at: object) -> float | None:
    return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else None


def _channel_counts(channels: list[Json], counted: Counted) -> Iterator[Metric]:
    names = [channel["channel"] for channel in channels]

    def by(fact: str, words: tuple[DeliveryState | Failure, ...]) -> dict[Labels, float]:
        return {
            (name, word.value): counted.number(f"channel:{name}", fact, word.value)
            for name in names
            for word in words
        }

    tries = "Tries to send, by channel and what came of them."
    yield _counters("attempts", tries, ("channel", "outcome"), by("last_outcome", OUTCOMES))
    ends = "Deliveries that came into a state, by channel; one that was sent may be delivered later."
    yield _counters("deliveries_reached", ends, ("channel", "state"), by("last_end", ENDS))


def _press_to_provider(channels: list[Json], counted: Counted) -> Metric:
    family = HistogramMetricFamily(
        "flicbridge_press_to_provider_seconds",
        "From the press until a provider had accepted the message, for messages that leave with the press.",
        labels=("transport",),
    )
    spreads: dict[str, Spread] = {}
    for channel in channels:
        of_kind = spreads.setdefault(channel["transport"], Spread())
        if (spread := counted.spreads.get(f"channel:{channel['channel']}")) is not None:
            of_kind.join(spread)
    bounds = [*(f"{bound:.3f}".rstrip("0") + "0" * bound.is_integer() for bound in BOUNDS_S), "+Inf"]
    for transport, spread in spreads.items():
        so_far = accumulate(map(float, spread.numbers))
        family.add_metric([transport], list(zip(bounds, so_far, strict=True)), spread.sum_s)
    return family


def _buttons(buttons: list[Json], now_at: datetime) -> Iterator[Metric]:
    of = {(button["name"],): button for button in buttons}
    linked = {name: button for name, button in of.items() if "link" in button}

    def each(name: str, documentation: str, samples: Known) -> Metric:
        return _gauges(f"button_{name}", documentation, ("button",), samples)

    yield each("paired", "1 if the button can be listened to.", {n: b["paired"] for n, b in of.items()})
    yield each(
        "connected",
        "1 while there is a link to the button; not there for buttons without one.",
        {name: float(button["link"] == "up") for name, button in linked.items()},
    )
    yield each(
        "asleep",
        "1 while the button sleeps between presses, as the settings have it.",
        {name: float(button["link"] == "asleep") for name, button in linked.items()},
    )
    yield each(
        "silence_seconds",
        "How long nothing has been heard of the button. One that is connected and well need not speak.",
        {name: _ago_s(button.get("last_heard"), now_at) for name, button in of.items()},
    )
    volts: Known = {name: _scaled(button.get("battery_mv"), 1000) for name, button in of.items()}
    yield each("battery_volts", "Voltage of the button's battery when it was last told.", volts)
    ratio: Known = {name: _scaled(button.get("battery_percent"), 100) for name, button in of.items()}
    yield each("battery_ratio", "Charge of the button's battery as far as can be told, from 0 to 1.", ratio)
    signal: Known = {name: _scaled(button.get("rssi_dbm"), 1) for name, button in of.items()}
    yield each("signal_dbm", "Strength of the button's signal when it last called.", signal)


def _scaled(value: object, by: int) -> float | None:
    return value / by if isinstance(value, int | float) else None


def _button_counts(buttons: list[Json], counted: Counted) -> Iterator[Metric]:
    def each(fact: str, *, beyond: int = 0) -> dict[Labels, float]:
        names = [button["name"] for button in buttons]
        return {(name,): max(0.0, counted.number(f"button:{name}", fact) - beyond) for name in names}

    label = ("button",)
    yield _counters("presses", "Gestures recognised on the button.", label, each("last_gesture"))
    lost = "Presses that the button counted and that never got here."
    yield _counters("presses_lost", lost, label, each("presses_lost"))
    reconnects = "Times that the link to the button came back after the first time."
    yield _counters("button_reconnects", reconnects, label, each("connections", beyond=1))


def _radio(radio: Json, counted: Counted, now_at: datetime) -> Iterator[Metric]:
    """Of a radio that no button needs, there is nothing to say but what was done about it."""
    is_used = radio["state"] != "unused"

    def one(name: str, documentation: str, sample: float | None) -> Metric:
        return _gauges(f"radio_{name}", documentation, (), {(): sample} if is_used else {})

    yield one("up", "1 while the radio listens.", radio["state"] in LISTENING)
    yield one("silent", "1 while the radio hears nothing and nothing helps.", radio["state"] == "silent")
    heard = _ago_s(radio.get("last_heard"), now_at)
    yield one("silence_seconds", "How long nothing has been heard of any device, to the minute.", heard)
    steps: dict[Labels, float] = {(step,): counted.number("radio", fact) for step, fact in STEPS.items()}
    what = "What was done about a radio that heard nothing."
    yield _counters("radio_recovery_steps", what, ("step",), steps)


def _flicd(flicd: Json) -> Iterator[Metric]:
    state = flicd.get("state")
    sample: Known = {} if state in (None, "unused") else {(): float(state == "up")}
    yield _gauges("flicd_up", "1 while flicd answers and its radio is on.", (), sample)


def _disk(store: Json) -> Iterator[Metric]:
    faults = [*(fault.value for fault in Fault), UNKNOWN_FAULT]
    present = set(_faults(store))
    yield _gauges(
        "disk_fault",
        "1 while the database cannot be written, or somebody should see to it, by what is wrong.",
        ("fault",),
        {(fault,): float(fault in present) for fault in faults},
    )
    owed = store.get("owed")
    what = "Presses, answers and outcomes that are only in memory."
    yield _gauge("disk_owed", what, owed if isinstance(owed, float) else 0)


def _faults(store: Json) -> Iterator[str]:
    if store.get("state") == "sick":
        yield str(store.get("fault") or UNKNOWN_FAULT)
    if store.get("reserve") == "spent":
        yield Fault.FULL.value
    if store.get("aside"):
        yield Fault.CORRUPT.value
    if store.get("beside"):
        yield Fault.TOO_NEW.value


def _clock(problems: list[Json], counted: Counted) -> Iterator[Metric]:
    is_wrong = any(problem["problem"] == "clock_wrong" for problem in problems)
    yield _gauge("clock_wrong", "1 while the wall clock cannot be right.", is_wrong)
    steps = "Times that somebody set the wall clock."
    yield _counters("clock_steps", steps, (), {(): counted.number("clock", "stepped_s")})


def _attacks(buttons: list[Json], counted: Counted) -> Metric:
    parts = ["radio", *(f"button:{button['name']}" for button in buttons)]
    return _counters(
        "attacks",
        "What was seen of attacks, by the part that saw it and kind.",
        ("part", "kind"),
        {(part, kind.value): counted.number(part, kind.value) for part in parts for kind in Incident},
    )


def _wrong(problems: list[Json], counted: Counted) -> Iterator[Metric]:
    present: Known = {}
    for found in problems:
        # An alert's id would make a series of its own for each.
        part = "alert" if found["part"].startswith("alert:") else found["part"]
        present[part, found["problem"]] = (present.get((part, found["problem"])) or 0.0) + 1
    yield _gauges("problems", "What `flicbridge status` says is wrong now.", ("part", "problem"), present)
    told: dict[Labels, float] = {
        (problem, event): counted.number(NOTICE, problem, event)
        for problem in sorted(TOLD_OF)
        for event in ("fault", "over")
    }
    yield _counters("notices", "Notices to the maintainer, and their all-clears.", ("problem", "event"), told)
