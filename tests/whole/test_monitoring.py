"""Metrics of the program itself, and whether the examples of monitoring ask for what there is."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from flicbridge.api.client import ApiClient
from flicbridge.clock import SystemClock
from flicbridge.simulator.gateways import FakeHttp

pytestmark = pytest.mark.real_time

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "monitoring"
PROMTOOL: Final = shutil.which("promtool")
METRIC: Final = re.compile(r"\b(?:flicbridge|process)_[a-z_]+\b")
TOKEN: Final = "only-for-looking"
SEEN_WITHIN_S: Final = 25.0

type Start = Callable[..., AbstractAsyncContextManager[Any]]
type WriteConfig = Callable[..., Path]

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: prometheus) is not here")


class Scraper:
    """Asks the program as Prometheus would: on the loopback, with the token for metrics."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def text(self, accept: str = "") -> str:
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
        async with self._session.get("/metrics", headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    async def value(self, name: str, **labels: str) -> float | None:
        """One sample; None if it is not there."""
        for family in text_string_to_metric_families(await self.text()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return None

    async def wait_for(self, expected: float, name: str, **labels: str) -> None:
        clock = SystemClock()
        until_s = clock.now_s() + SEEN_WITHIN_S
        while (found := await self.value(name, **labels)) != expected:
            assert clock.now_s() < until_s, found
            await clock.sleep(0.2)


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token where the program looks for it, and a place in memory for its socket."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("FLICBRIDGE_SECRET_METRICS_TOKEN", TOKEN)


@pytest.fixture
async def scraper(unused_tcp_port: int) -> AsyncIterator[Scraper]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:
        yield Scraper(session)


@pytest.fixture
def write_scraped(write_config: WriteConfig, unused_tcp_port: int) -> WriteConfig:
    """Write a configuration of a bridge that can be scraped."""

    def write(url: str) -> Path:
        path = write_config(url)
        api = f'\n[api]\nlisten = "127.0.0.1:{unused_tcp_port}"\nmetrics_token = "metrics-token"\n'
        path.write_text(path.read_text() + api)
        return path

    return write


def asked_for(text: str) -> set[str]:
    """The names of our metrics in an expression; `up` and such are Prometheus' own."""
    return set(METRIC.findall(text))


def expressions() -> Iterator[str]:
    """Every expression of the rules and of the dashboard."""
    rules = (EXAMPLES / "alerts.yml").read_text(encoding="utf-8")
    yield from re.findall(r"^\s+expr: (.+)$", rules, flags=re.MULTILINE)
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (variable.get("definition", "") for variable in dashboard["templating"]["list"])


async def test_a_press_and_then_a_fault_of_the_disk_show_in_a_scrape(
    start: Start, write_scraped: WriteConfig, secret: str, scraper: Scraper, tmp_path: Path
) -> None:
    async with FakeHttp(secret=secret) as hub, start(write_scraped(hub.url)) as program:
        assert await scraper.value("flicbridge_alerts_total", kind="emergency") == 0
        await program.ask("press", "bureau")
        await hub.wait_for(1, within_s=20)
        await scraper.wait_for(1, "flicbridge_attempts_total", channel="hub/0", outcome="sent")
        assert await scraper.value("flicbridge_alerts_total", kind="emergency") == 1
        assert await scraper.value("flicbridge_presses_total", button="bureau") == 1
        histogram = "flicbridge_press_to_provider_seconds"
        assert await scraper.value(f"{histogram}_count", transport="http") == 1
        latency_s = await scraper.value(f"{histogram}_sum", transport="http")
        assert latency_s is not None
        assert 0 < latency_s < 20
        assert await scraper.value("flicbridge_disk_fault", fault="missing") == 0

        (tmp_path / "state").rename(tmp_path / "gone")
        (tmp_path / "state").write_text("a file where the folder should be")
        await scraper.wait_for(1, "flicbridge_disk_fault", fault="missing")
        assert await scraper.value("flicbridge_problems", part="store", problem="store_sick") == 1
        assert await scraper.value("flicbridge_presses_total", button="bureau") == 1


async def test_without_prometheus_a_command_shows_the_same(
    start: Start, write_config: WriteConfig, secret: str
) -> None:
    """Without an address to listen on, too: it asks on the Unix socket."""
    async with FakeHttp(secret=secret) as hub, start(write_config(hub.url)) as program:
        await program.ask("press", "bureau")
        code, shown, err = await program.command("metrics")
        assert (code, err) == (0, "")
        assert 'flicbridge_presses_total{button="bureau"} 1.0' in shown
    code, shown, err = await program.command("metrics")
    assert (code, shown) == (1, "")
    assert "flicbridge run" in err


async def test_counters_outlive_a_reload_of_the_settings(
    start: Start, write_scraped: WriteConfig, secret: str, scraper: Scraper
) -> None:
    async with FakeHttp(secret=secret) as hub:
        config = write_scraped(hub.url)
        async with start(config) as program:
            await program.ask("press", "bureau")
            config.write_text(config.read_text().replace('double = "test"', 'double = "alert"'))
            assert (await ApiClient(config.parent / "state").reload())["listening"] == ["bureau"]
            await program.ask("press", "bureau")
            assert await scraper.value("flicbridge_presses_total", button="bureau") == 2


async def test_every_metric_that_rules_and_dashboard_ask_for_is_there(
    start: Start, write_scraped: WriteConfig, scraper: Scraper
) -> None:
    async with start(write_scraped("http://127.0.0.1:9/")):
        families = list(text_string_to_metric_families(await scraper.text()))
    there = {family.name for family in families} | {
        f"{f.name}_total" for f in families if f.type == "counter"
    }
    there |= {
        f"{f.name}_{end}" for f in families if f.type == "histogram" for end in ("bucket", "sum", "count")
    }
    there |= {sample.name for family in families for sample in family.samples}
    asked = set().union(*map(asked_for, expressions()))
    assert len(asked) > 30
    assert asked - there == set()


async def test_the_program_speaks_openmetrics(
    start: Start, write_scraped: WriteConfig, scraper: Scraper
) -> None:
    async with start(write_scraped("http://127.0.0.1:9/")):
        text = await scraper.text("application/openmetrics-text;version=1.0.0")
    found = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    families = {family.name for family in found}
    assert {"flicbridge_build", "flicbridge_attempts", "flicbridge_press_to_provider_seconds"} <= families


def test_the_dashboard_can_be_imported() -> None:
    """What Grafana's importer needs: a source that is asked for, ids of their own, no panel over another."""
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    assert dashboard["id"] is None
    assert dashboard["schemaVersion"] >= 41
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    sources = {panel["datasource"]["uid"] for panel in dashboard["panels"] if panel["type"] != "row"}
    assert sources == {"${datasource}"}
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


# -- by Prometheus' own tool

RULE_TESTS: Final = """
rule_files: [{rules}]
evaluation_interval: 15s
tests:
{tests}
"""
RULE_TEST: Final = """
  - interval: 15s
    input_series:
      - series: '{series}'
        values: '{values}'
    alert_rule_test:
      - {{ eval_time: 15m, alertname: {alert}, exp_alerts: [{expected}] }}
"""

FIRES: Final = (
    (
        "FlicbridgeNotProtected",
        'flicbridge_protection{instance="a",state="not_protected"}',
        "0x36 1x164",
        "0x44 1x156",  # for four minutes, as after a restart of the adapter
    ),
    ("FlicbridgeDown", 'up{job="flicbridge",instance="a"}', "0x200", "1x200"),
    ("FlicbridgeRadioSilent", 'flicbridge_radio_silent{instance="a"}', "1x200", "0x200"),
    ("FlicbridgeRadioOff", 'flicbridge_radio_up{instance="a"}', "0x200", "1x200"),
    ("FlicbridgeQueueOld", 'flicbridge_queue_age_seconds{instance="a"}', "0+15x200", "30x200"),
    (
        "FlicbridgeChannelDown",
        'flicbridge_channel_circuit{instance="a",channel="samu/0",state="closed"}',
        "0x200",
        "1x200",
    ),
    ("FlicbridgeDiskFault", 'flicbridge_disk_fault{instance="a",fault="full"}', "1x200", "0x200"),
    ("FlicbridgeClockWrong", 'flicbridge_clock_wrong{instance="a"}', "1x200", "0x200"),
    (
        "FlicbridgeAttack",
        'flicbridge_attacks_total{instance="a",part="radio",kind="impostor"}',
        "0x40 1x160",
        "7x200",
    ),
)
"""A rule, a series that must set it off within a quarter of an hour, and values that must not."""


def promtool(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *words], input=given, capture_output=True, text=True, check=False, timeout=60
    )


@needs_promtool
def test_promtool_accepts_configuration_and_rules() -> None:
    checked = promtool("check", "rules", str(EXAMPLES / "alerts.yml"))
    assert checked.returncode == 0, checked.stderr
    checked = promtool("check", "config", "--syntax-only", str(EXAMPLES / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr


@needs_promtool
async def test_promtool_finds_nothing_to_complain_of_in_a_scrape(
    start: Start, write_scraped: WriteConfig, scraper: Scraper
) -> None:
    async with start(write_scraped("http://127.0.0.1:9/")):
        text = await scraper.text()
    # What the library tells of the process is its own affair.
    text = "".join(line for line in text.splitlines(keepends=True) if "process_" not in line)
    checked = promtool("check", "metrics", given=text)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@needs_promtool
@pytest.mark.parametrize(("alert", "series", "bad", "good"), FIRES, ids=[row[0] for row in FIRES])
def test_a_rule_fires_when_it_should_and_only_then(
    alert: str, series: str, bad: str, good: str, tmp_path: Path
) -> None:
    """The expected labels are left to the tool: it prints what fired where nothing was expected."""
    verdicts = {}
    for values in (bad, good):
        test = RULE_TEST.format(series=series, values=values, alert=alert, expected="")
        path = tmp_path / "rules-test.yml"
        path.write_text(RULE_TESTS.format(rules=EXAMPLES / "alerts.yml", tests=test))
        ran = promtool("test", "rules", str(path))
        verdicts[values] = (
            "got:" in ran.stdout + ran.stderr and f'alertname="{alert}"' in ran.stdout + ran.stderr
        )
    assert verdicts == {bad: True, good: False}


def test_the_rules_cover_what_can_go_wrong() -> None:
    text = (EXAMPLES / "alerts.yml").read_text(encoding="utf-8")
    rules = set(re.findall(r"- alert: (\w+)", text))
    assert {row[0] for row in FIRES} <= rules
    assert {"FlicbridgeBatteryLow", "FlicbridgeButtonNotHeard", "FlicbridgeButtonNotConnected"} <= rules
    assert text.count("expr: ") == len(rules)
