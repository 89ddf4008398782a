"""Shared by all tests: time that leaps."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, settings

from flicbridge.simulator.leap import steady_loop

# The same examples on every run, and no verdict on how busy the machine is. To look for new examples:
# HYPOTHESIS_PROFILE=explore make test
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", PATIENT, derandomize=True)
settings.register_profile("explore", PATIENT, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

collect_ignore = ["e2e", "packages"]  # minutes each, by commands of their own: make e2e, make packages


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start: a shell that runs us in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every async test on a loop that leaps over idle time.

    Its clock stands still while something is computed: how busy the machine is shall decide no test.
    Tests that talk to another process or to another thread's server say `@pytest.mark.real_time`.
    """
    if item.get_closest_marker("real_time"):
        return {"real_time": asyncio.SelectorEventLoop}
    return {"leaping": steady_loop}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest begins first, on every worker: at the end everybody would wait for it.

    Each worker begins with its part of the list, and takes over what is left of others' parts afterwards.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    lengthy = [item for item in items if item.get_closest_marker("lengthy")]
    others = [item for item in items if not item.get_closest_marker("lengthy")]
    part = -(-len(others) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in (*lengthy[worker::workers], *others[worker * part : (worker + 1) * part])
    ]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: some tests wait for another process, so two more than there are processors."""
    return (os.cpu_count() or 1) + 2


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI nothing may be skipped: a skipped test proves nothing, quietly."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FLICBRIDGE_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
