"""Shared by all tests: time that leaps."""

import asyncio
import os
from collections.abc import Callable, Mapping

import pytest

from flicbridge.simulator.leap import LeapingEventLoop


@pytest.hookimpl
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every async test on a loop that leaps over idle time.

    Tests that talk to another process or to another thread's server say `@pytest.mark.real_time`.
    """
    if item.get_closest_marker("real_time"):
        return {"real_time": asyncio.SelectorEventLoop}
    return {"leaping": LeapingEventLoop}


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI nothing may be skipped: a skipped test proves nothing, quietly."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FLICBRIDGE_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
