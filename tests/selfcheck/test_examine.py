"""Probes run beside each other, and nothing that one of them does stops the others."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.examine import PROBES, examine
from flicbridge.selfcheck.finding import Fact, Finding, Verdict, ok, sentence, warning


async def fine(_case: Case) -> list[Finding]:
    return [ok("fine", "Fine.")]


async def hanging(_case: Case) -> list[Finding]:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


async def broken(_case: Case) -> list[Finding]:
    raise ZeroDivisionError("Dr Martin")


async def impatient(_case: Case) -> list[Finding]:
    raise TimeoutError


async def test_a_probe_that_hangs_or_breaks_is_a_finding_and_the_others_answer(case: Case) -> None:
    probes = {"one": fine, "two": hanging, "three": broken, "four": impatient, "five": fine}
    found = await examine(case, probes)
    assert [finding.check for finding in found] == [
        "fine", "probe_hung", "probe_failed", "probe_hung", "fine",
    ]  # fmt: skip
    assert [finding.facts.get("probe") for finding in found] == [None, "two", "three", "four", None]
    assert {finding.verdict for finding in found} == {Verdict.OK, Verdict.FAULT}


async def test_what_a_broken_probe_says_is_not_repeated(case: Case) -> None:
    (found,) = await examine(case, {"broken": broken})
    assert found.facts == {"probe": "broken", "error": "ZeroDivisionError"}


async def test_probes_run_beside_each_other(case: Case) -> None:
    meeting = asyncio.Barrier(2)

    async def meet(_case: Case) -> list[Finding]:
        await meeting.wait()
        return [ok("met", "Met.")]

    assert len(await examine(case, {"one": meet, "two": meet})) == 2


async def test_a_cancelled_check_ends(case: Case) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(examine(case, {"two": hanging}))
        group.create_task(_cancel_soon(task))
    assert task.cancelled()


async def _cancel_soon(task: "asyncio.Task[list[Finding]]") -> None:
    task.cancel()


@pytest.mark.real_time
async def test_a_thread_that_never_comes_back_holds_nobody_up() -> None:
    never, began = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        never.wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await aside(hang)
    assert began.is_set()
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "selfcheck")
    never.set()


@pytest.mark.real_time
async def test_work_aside_hands_on_its_result_and_its_error() -> None:
    def fail() -> None:
        raise KeyError("nothing")

    assert await aside(lambda: 42) == 42
    with pytest.raises(KeyError):
        await aside(fail)


def test_what_is_not_good_must_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="no remedy"):
        warning("bad", "Bad.", "")


def test_numbers_are_written_as_in_the_language() -> None:
    def in_french(text: str) -> str:
        return {"{whole}.{tenths}": "{whole},{tenths}"}.get(text, text)

    facts: dict[str, Fact] = {"a": -0.5, "b": 12.34, "c": 7, "d": 0.04}
    assert sentence("{a}, {b}, {c}, {d}", facts, in_french) == "-0,5, 12,3, 7, 0,0"
    assert sentence("{a}, {b}, {c}, {d}", facts, str) == "-0.5, 12.3, 7, 0.0"


def test_every_family_of_probes_is_asked() -> None:
    assert [*PROBES] == [
        "versions", "settings", "permissions", "bridge", "unit", "bluetooth", "clock", "network", "modem",
        "disk", "machine",
    ]  # fmt: skip


@pytest.mark.real_time
@pytest.mark.usefixtures("no_bus")
async def test_every_probe_has_something_to_say_of_a_broken_settings_file(
    make_case: Callable[..., Case],
) -> None:
    case = make_case(text="[bridge\n")
    found = await examine(case)
    checks = {finding.check for finding in found}
    assert {"settings_wrong", "bridge_not_running", "network_unknown", "no_bus", "disk", "memory"} <= checks
    assert not checks & {"probe_hung", "probe_failed"}
