"""Metrics: what a scrape shows, in which format, to whom, and that nobody waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import parser as classic
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from flicbridge.api.client import ApiClient
from flicbridge.api.families import Scrape
from flicbridge.api.metrics import exposition
from flicbridge.api.server import serving
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, ChannelPart, House, report
from flicbridge.guard.tally import BOUNDS_S, Tally
from flicbridge.observation import Observation, Value

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
NOW_AT = datetime(2026, 3, 1, 14, 2, 5, tzinfo=UTC)
METRICS_TOKEN = "only-for-looking"


class StoppedClock:
    """It is always the same time."""

    def now_at(self) -> datetime:
        return NOW_AT


@dataclass
class Panel:
    """A board, what is counted of it, and the scrape of both."""

    board: Board
    tally: Tally

    def say(self, subject: str, **facts: Value) -> None:
        for fact, value in facts.items():
            self.board.observe(Observation(subject, fact, value))

    def scrape(self, **counts: Any) -> Scrape:
        house = House(
            bridge="tilleuls-1",
            version="0.1.0",
            pid=1,
            started_at=NOW_AT - timedelta(hours=1),
            rehearsal=False,
            buttons=(
                ButtonPart("poche", "flic2", "BG21-C68801", over_radio=True, paired=True),
                ButtonPart("tiroir", "flicd", "", over_radio=True, paired=True),
                ButtonPart("accueil", "virtual", "", over_radio=False, paired=True),
            ),
            channels=(
                ChannelPart("samu/0", "samu", "smsgate"),
                ChannelPart("samu/1", "samu", "email"),
                ChannelPart("colleague/0", "colleague", "smsgate"),
            ),
        )
        found = {"queued": 0, "sending": 0, **counts}
        return Scrape(
            report(house, self.board, counts=found, open_alerts=[], now_at=NOW_AT), self.tally.counted()
        )

    def samples(self, **counts: Any) -> dict[str, float]:
        """Every sample by its name and labels, as the classic format writes them."""
        text, _ = exposition(self.scrape(**counts), "")
        lines = (line.rpartition(" ") for line in text.decode().splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


@pytest.fixture
def panel() -> Panel:
    tally = Tally()
    return Panel(Board(StoppedClock(), tally.observe), tally)  # type: ignore[arg-type]  # asked for dates only


# -- what is shown


def test_a_quiet_bridge_shows_zeros_for_all_that_could_happen(panel: Panel) -> None:
    samples = panel.samples()
    assert samples['flicbridge_attempts_total{channel="samu/0",outcome="rate_limited"}'] == 0
    assert samples['flicbridge_alerts_total{kind="emergency"}'] == 0
    assert samples['flicbridge_presses_total{button="accueil"}'] == 0
    assert samples['flicbridge_attacks_total{kind="impostor",part="button:poche"}'] == 0
    assert samples['flicbridge_disk_fault{fault="full"}'] == 0
    assert samples['flicbridge_notices_total{event="fault",problem="disk_full"}'] == 0
    assert samples['flicbridge_press_to_provider_seconds_count{transport="smsgate"}'] == 0
    assert samples["flicbridge_queue_age_seconds"] == 0


@pytest.mark.parametrize(("channels", "state"), [("ok", "protected"), ("refused", "not_protected")])
def test_the_verdict_is_the_one_of_status(panel: Panel, channels: str, state: str) -> None:
    panel.say("radio", state="scanning")
    panel.say("flicd", state="up")
    for button in ("poche", "tiroir"):
        panel.say(f"button:{button}", link="up")
    for channel in ("samu/0", "samu/1", "colleague/0"):
        panel.say(f"channel:{channel}", state=channels)
    samples = panel.samples()
    assert panel.scrape().report["protection"]["state"] == state
    states = ("protected", "degraded", "not_protected")
    shown = {s: samples[f'flicbridge_protection{{state="{s}"}}'] for s in states}
    assert shown == {s: float(s == state) for s in states}


def test_the_lag_of_the_loop_is_the_worst_of_the_last_minute_once_it_was_measured(panel: Panel) -> None:
    assert "flicbridge_loop_lag_seconds" not in panel.samples()
    panel.say("loop", lag_s=0.25)
    assert panel.samples()["flicbridge_loop_lag_seconds"] == 0.25


def test_what_is_not_known_is_not_there(panel: Panel) -> None:
    names = {sample.partition("{")[0] for sample in panel.samples()}
    assert not [
        name for name in names if "battery" in name or "silence" in name or "button_connected" in name
    ]
    assert not [name for name in names if name.startswith(("flicbridge_radio_up", "flicbridge_flicd_up"))]


def test_a_button_tells_its_battery_in_volts_its_link_and_its_silence(panel: Panel) -> None:
    heard = (NOW_AT - timedelta(seconds=90)).isoformat()
    panel.say(
        "button:poche", battery_mv=2900, battery_percent=60.0, link="up", last_heard=heard, rssi_dbm=-70
    )
    panel.say("button:tiroir", link="asleep")
    samples = panel.samples()
    assert samples['flicbridge_button_battery_volts{button="poche"}'] == 2.9
    assert samples['flicbridge_button_battery_ratio{button="poche"}'] == 0.6
    assert samples['flicbridge_button_silence_seconds{button="poche"}'] == 90
    assert samples['flicbridge_button_signal_dbm{button="poche"}'] == -70
    assert samples['flicbridge_button_connected{button="poche"}'] == 1
    assert samples['flicbridge_button_connected{button="tiroir"}'] == 0
    assert samples['flicbridge_button_asleep{button="tiroir"}'] == 1
    assert 'flicbridge_button_connected{button="accueil"}' not in samples


def test_the_first_link_is_no_reconnection(panel: Panel) -> None:
    for number, expected in ((1, 0), (2, 1), (3, 2)):
        panel.say("button:poche", connections=number)
        assert panel.samples()['flicbridge_button_reconnects_total{button="poche"}'] == expected


def test_latencies_of_channels_of_one_kind_are_one_histogram(panel: Panel) -> None:
    panel.say("channel:samu/0", last_latency_s=0.02)
    panel.say("channel:colleague/0", last_latency_s=7000.0)
    panel.say("channel:samu/1", last_latency_s=0.3)
    samples = panel.samples()
    name = "flicbridge_press_to_provider_seconds"
    assert samples[f'{name}_bucket{{le="0.01",transport="smsgate"}}'] == 0
    assert samples[f'{name}_bucket{{le="0.025",transport="smsgate"}}'] == 1
    assert samples[f'{name}_bucket{{le="14400.0",transport="smsgate"}}'] == 2
    assert samples[f'{name}_bucket{{le="+Inf",transport="smsgate"}}'] == 2
    assert samples[f'{name}_sum{{transport="smsgate"}}'] == 7000.02
    assert samples[f'{name}_count{{transport="email"}}'] == 1
    bounds = [key for key in samples if key.startswith(f"{name}_bucket") and "email" in key]
    assert len(bounds) == len(BOUNDS_S) + 1


def test_a_channel_tells_its_circuit_its_failures_and_its_last_success(panel: Panel) -> None:
    panel.say("channel:samu/0", circuit="open", failures_in_a_row=4.0, last_success=NOW_AT.isoformat())
    samples = panel.samples()
    circuit = "flicbridge_channel_circuit"
    states = {
        s: samples[f'{circuit}{{channel="samu/0",state="{s}"}}'] for s in ("closed", "open", "half_open")
    }
    assert states == {"closed": 0, "open": 1, "half_open": 0}
    assert samples['flicbridge_channel_failures{channel="samu/0"}'] == 4
    assert (
        samples['flicbridge_channel_last_success_timestamp_seconds{channel="samu/0"}'] == NOW_AT.timestamp()
    )
    assert 'flicbridge_channel_last_success_timestamp_seconds{channel="samu/1"}' not in samples


def test_the_age_of_the_queue_is_that_of_the_oldest_message_that_should_be_gone(panel: Panel) -> None:
    due_soon, made = NOW_AT + timedelta(seconds=8), NOW_AT - timedelta(minutes=10)
    samples = panel.samples(queued=3, sending=1, oldest_due_at=due_soon, oldest_tried_at=made)
    assert samples["flicbridge_queue_age_seconds"] == 600
    assert samples['flicbridge_deliveries{state="queued"}'] == 3
    assert samples['flicbridge_deliveries{state="sending"}'] == 1
    assert panel.samples(queued=1, oldest_due_at=due_soon)["flicbridge_queue_age_seconds"] == 0


def test_a_message_that_a_clock_dated_which_nobody_had_set_is_not_fifty_years_old(panel: Panel) -> None:
    made = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    assert panel.samples(queued=1, oldest_tried_at=made)["flicbridge_queue_age_seconds"] == 0


def test_an_outbox_that_cannot_be_read_does_not_look_empty(panel: Panel) -> None:
    samples = panel.samples(error="SQLITE_IOERR: disk I/O error")
    assert samples["flicbridge_queue_readable"] == 0
    assert not [
        name for name in samples if name.startswith(("flicbridge_deliveries{", "flicbridge_queue_age"))
    ]


@pytest.mark.parametrize(
    ("facts", "faults"),
    [
        ({"state": "sick", "fault": "read_only"}, {"read_only"}),
        ({"state": "sick"}, {"unknown"}),
        ({"state": "ok", "reserve": "spent"}, {"full"}),
        ({"state": "ok", "aside": "flicbridge.db.corrupt-20260301T140205Z"}, {"corrupt"}),
        ({"state": "ok", "beside": "flicbridge.db.schema-6"}, {"too_new"}),
    ],
)
def test_a_fault_of_the_disk_is_told_by_its_kind(
    panel: Panel, facts: dict[str, Value], faults: set[str]
) -> None:
    panel.say("store", **facts)
    shown = {name for name, value in panel.samples().items() if "disk_fault" in name and value}
    assert shown == {f'flicbridge_disk_fault{{fault="{fault}"}}' for fault in faults}


def test_radio_flicd_and_clock_tell_how_they_are(panel: Panel) -> None:
    silent_since = (NOW_AT - timedelta(minutes=5)).isoformat()
    panel.say("radio", state="silent", last_heard=silent_since, scanner_restarts=2, power_cycles=1)
    panel.say("flicd", state="unreachable")
    panel.say("clock", state="wrong", error="it says 1970", stepped_s=-3600.0)
    samples = panel.samples()
    assert samples["flicbridge_radio_up"] == samples["flicbridge_radio_silent"] == 1
    assert samples["flicbridge_radio_silence_seconds"] == 300
    assert samples['flicbridge_radio_recovery_steps_total{step="scanner_restart"}'] == 2
    assert samples['flicbridge_radio_recovery_steps_total{step="power_cycle"}'] == 1
    assert samples["flicbridge_flicd_up"] == 0
    assert samples["flicbridge_clock_wrong"] == samples["flicbridge_clock_steps_total"] == 1
    assert samples['flicbridge_problems{part="radio",problem="radio_silent"}'] == 1


def test_series_do_not_multiply_with_alerts(panel: Panel) -> None:
    scrape = panel.scrape()
    problems = [{"part": f"alert:{i:08x}", "problem": "alert_unanswered"} for i in range(3)]
    text, _ = exposition(Scrape({**scrape.report, "problems": problems}, scrape.counted), "")
    assert b'flicbridge_problems{part="alert",problem="alert_unanswered"} 3.0' in text
    assert b"alert:0" not in text


# -- in which format


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("application/openmetrics-text; version=nonsense", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=1.1.\udcff", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_format_is_the_one_asked_for(panel: Panel, accept: str, content_type: str) -> None:
    assert exposition(panel.scrape(), accept)[1] == content_type


def test_both_formats_are_read_by_the_parsers_of_their_inventors(panel: Panel) -> None:
    panel.say("button:poche", battery_mv=2900, link="up")
    panel.say("channel:samu/0", last_latency_s=0.02, last_outcome="sent")
    texts = {accept: exposition(panel.scrape(), accept)[0].decode() for accept in ("", OPENMETRICS)}
    old = {sample for f in classic.text_string_to_metric_families(texts[""]) for sample in names(f)}
    found = openmetrics.text_string_to_metric_families(texts[OPENMETRICS])  # type: ignore[no-untyped-call]
    new = {sample for family in found for sample in names(family)}
    assert old == new
    assert ("flicbridge_attempts_total", ("samu/0", "sent")) in new


def names(family: Any) -> set[tuple[str, tuple[str, ...]]]:
    """Its samples, but those of the process, which differ from one moment to the next, by name and labels."""
    return {
        (sample.name, tuple(value for label, value in sorted(sample.labels.items()) if label != "le"))
        for sample in family.samples
    }


def test_every_family_has_a_help_and_a_unit_of_the_guide(panel: Panel) -> None:
    text = exposition(panel.scrape(), "")[0].decode()
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith("."), family.name
        assert not family.name.endswith(("_ms", "_mv", "_percent", "_minutes")), family.name


# -- to whom


@pytest.fixture
async def tcp(bridge: Any, tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[aiohttp.ClientSession]:
    """The bridge's address, with a token for metrics."""
    listen = ("127.0.0.1", unused_tcp_port)
    async with (
        serving(
            bridge, tmp_path, listen, observe=bridge.board.observe, metrics_token=METRICS_TOKEN
        ) as endpoint,
        aiohttp.ClientSession(f"http://{endpoint.tcp}") as session,
    ):
        yield session


async def ask(session: aiohttp.ClientSession, method: str, path: str, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with session.request(method, path, headers=headers) as response:
        await response.read()
        return response.status


async def test_the_metrics_token_opens_the_metrics_and_nothing_else(tcp: aiohttp.ClientSession) -> None:
    assert await ask(tcp, "GET", "/metrics", METRICS_TOKEN) == 200
    for method, path in (
        ("GET", "/v1/status"), ("GET", "/v1/alerts"), ("POST", "/v1/press"), ("POST", "/v1/reload"),
        ("POST", "/metrics"), ("GET", "/metrics/"), ("GET", "/metrics/x"),
    ):  # fmt: skip
        assert await ask(tcp, method, path, METRICS_TOKEN) == 401, (method, path)


async def test_the_api_token_opens_the_metrics_too_and_no_other_does(
    tcp: aiohttp.ClientSession, tmp_path: Path
) -> None:
    assert await ask(tcp, "GET", "/metrics", (tmp_path / "api-token").read_text().strip()) == 200
    for wrong in (None, "", "x", METRICS_TOKEN[:-1], f"{METRICS_TOKEN}x"):
        assert await ask(tcp, "GET", "/metrics", wrong) == 401


async def test_without_a_metrics_token_only_the_api_token_opens_them(
    bridge: Any, tmp_path: Path, unused_tcp_port: int
) -> None:
    listen = ("127.0.0.1", unused_tcp_port)
    async with (
        serving(bridge, tmp_path, listen, observe=bridge.board.observe) as endpoint,
        aiohttp.ClientSession(f"http://{endpoint.tcp}") as session,
    ):
        assert await ask(session, "GET", "/metrics", METRICS_TOKEN) == 401
        assert await ask(session, "GET", "/metrics", "None") == 401
        assert await ask(session, "GET", "/metrics", (tmp_path / "api-token").read_text().strip()) == 200


# -- of a bridge that runs


async def test_a_press_shows_where_it_went_and_how_fast(bridge: Any, tmp_path: Path, wire: Any) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        client = ApiClient(tmp_path)
        await client.press("poche")
        await client.press("poche", "double")
        await wire.used.wait()
        text = await client.metrics()
    assert 'flicbridge_alerts_total{kind="emergency"} 1.0' in text
    assert 'flicbridge_alerts_total{kind="test"} 1.0' in text
    counted = bridge.counted()
    assert counted.number("channel:samu/0", "last_outcome", "sent") == 2
    assert counted.number("channel:samu/0", "last_end", "sent") == 2
    # The small bridge's presses are two and a half seconds old when they arrive.
    spread = counted.spreads["channel:samu/0"]
    assert 2 * 2.5 <= spread.sum_s < 2 * 5.0


async def test_people_numbers_and_places_are_nowhere(bridge: Any, tmp_path: Path, wire: Any) -> None:
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe):
        client = ApiClient(tmp_path)
        taken = await client.press("poche")
        await wire.used.wait()
        text = await client.metrics()
    for secret in ("Martin", "612345678", "Tilleuls,", "Cabinet", "45.83", "1.261", taken["alert_id"][:8]):
        assert secret not in text


@pytest.mark.real_time
async def test_a_press_does_not_wait_for_a_scrape_that_waits_for_the_disk(
    bridge: Any, tmp_path: Path
) -> None:
    """However long the queue is: one thread counts it, another one writes the press."""
    began, go_on = threading.Event(), threading.Event()

    def long_count(_db: object) -> None:
        began.set()
        assert go_on.wait(30)

    async with serving(bridge, tmp_path, None, observe=bridge.board.observe), asyncio.TaskGroup() as group:
        client = ApiClient(tmp_path)
        group.create_task(bridge.store._reader.run(long_count))
        await asyncio.to_thread(began.wait, 30)
        scrape = group.create_task(client.metrics())
        for _ in range(3):
            assert (await client.press("poche"))["safe"] is True
        assert not scrape.done()
        go_on.set()
        assert "flicbridge_deliveries" in await scrape


async def test_scrapes_at_the_same_time_take_turns(bridge: Any, tmp_path: Path) -> None:
    asked = 0
    status = bridge.status

    async def counting() -> Any:
        nonlocal asked
        asked += 1
        assert asked == 1
        try:
            return await status()
        finally:
            asked -= 1

    bridge.status = counting
    async with serving(bridge, tmp_path, None, observe=bridge.board.observe), asyncio.TaskGroup() as group:
        scrapes = [group.create_task(ApiClient(tmp_path).metrics()) for _ in range(5)]
    assert all("flicbridge_build_info" in scrape.result() for scrape in scrapes)
