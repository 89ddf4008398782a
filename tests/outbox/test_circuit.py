"""What is known of a channel as a whole."""

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.outbox.circuit import Circuit, CircuitState


def played(*tries: bool) -> Circuit:
    circuit = Circuit()
    for succeeds in tries:
        circuit.begin()
        _ = circuit.succeed() if succeeds else circuit.fail()
    return circuit


def test_one_failure_is_noise_and_two_are_a_fault() -> None:
    assert played(False).state is CircuitState.CLOSED
    assert played(False, False).state is CircuitState.OPEN


def test_it_opens_once() -> None:
    circuit = played(False)
    circuit.begin()
    assert circuit.fail()
    circuit.begin()
    assert not circuit.fail()


def test_while_a_try_is_under_way_it_is_half_open() -> None:
    circuit = played(False, False)
    circuit.begin()
    assert circuit.state is CircuitState.HALF_OPEN


def test_a_success_that_nobody_expected_is_told() -> None:
    circuit = played(False, False)
    circuit.begin()
    assert circuit.succeed()
    assert circuit.state is CircuitState.CLOSED
    circuit.begin()
    assert not circuit.succeed()


def test_new_hope_closes_it_until_the_next_failure_and_forgets_nothing() -> None:
    circuit = played(False, False, False)
    circuit.doubt()
    assert circuit.state is CircuitState.CLOSED
    assert circuit.failures == 3
    circuit.begin()
    assert circuit.fail()
    assert circuit.is_open


def test_a_success_after_new_hope_is_still_a_recovery() -> None:
    circuit = played(False, False)
    circuit.doubt()
    circuit.begin()
    assert circuit.succeed()


@given(st.lists(st.booleans()))
def test_only_the_failures_since_the_last_success_count(tries: list[bool]) -> None:
    circuit = played(*tries)
    since = next((n for n, succeeds in enumerate(reversed(tries)) if succeeds), len(tries))
    assert circuit.failures == since
    assert circuit.is_open == (since >= 2)
    assert circuit.under_way == 0
