"""Logs hold ids and no people, whatever is handed to them, and never stand in anybody's way."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from flicbridge import logs


class Screen(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines() -> io.StringIO:
    """Where the log of a service goes."""
    stream = io.StringIO()
    logs.set_up("auto", "info", stream)
    return stream


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


log = structlog.get_logger()


def test_a_service_logs_one_json_object_a_line_in_utc(lines: io.StringIO) -> None:
    log.info("press_taken", alert="9a0e", safe=True)
    log.error("multi\nline")
    first, second = entries(lines)
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "press_taken", "level": "info", "alert": "9a0e", "safe": True}
    assert second["event"] == "multi\nline"


def test_json_has_no_colours_even_on_a_terminal() -> None:
    screen = Screen()
    logs.set_up("json", "info", screen)
    log.error("oh")
    assert "\x1b" not in screen.getvalue()
    assert entries(screen)[0]["event"] == "oh"


def test_a_person_at_a_terminal_gets_no_json() -> None:
    screen = Screen()
    logs.set_up("auto", "info", screen)
    log.info("bridge_ready", bridge="tilleuls-1")
    assert "bridge_ready" in screen.getvalue()
    assert not screen.getvalue().startswith("{")


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    screen = Screen()
    logs.set_up("auto", "info", screen)
    log.info("seen", button="\x1b]0;owned\x07\r\nfake line")
    assert "\x1b]" not in screen.getvalue()
    assert "\nfake" not in screen.getvalue()


def test_a_console_log_in_a_file_has_no_colours() -> None:
    stream = io.StringIO()
    logs.set_up("console", "info", stream)
    log.info("bridge_ready")
    assert "bridge_ready" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_less_than_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    logs.set_up("json", "warning", stream)
    log.info("quiet")
    log.warning("loud")
    assert [entry["event"] for entry in entries(stream)] == ["loud"]


def test_libraries_are_heard_from_warning_on(lines: io.StringIO) -> None:
    logs.set_up("json", "debug", lines)
    logging.getLogger("aiohttp.access").info("POST https://gateway/message")
    logging.getLogger("bleak").warning("no adapter %s", "hci0")
    assert [(e["logger"], e["level"], e["event"]) for e in entries(lines)] == [
        ("bleak", "warning", "no adapter hci0")
    ]


def test_a_faulty_line_of_a_library_is_named_without_its_arguments(lines: io.StringIO) -> None:
    logs.set_up("json", "info", lines)  # once more, without pytest's own handlers
    logging.getLogger("bleak").warning("%d devices", "Dr Martin")
    assert [(entry["event"], entry["logger"]) for entry in entries(lines)] == [
        ("log_line_is_faulty", "bleak")
    ]


def test_warnings_of_libraries_become_log_lines(lines: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("this will go", DeprecationWarning, stacklevel=1)
    assert "this will go" in entries(lines)[0]["event"]


def test_an_exception_is_logged_without_the_values_of_its_variables(lines: io.StringIO) -> None:
    def break_down() -> None:
        patient = "Mme Durand"
        raise RuntimeError(f"with {len(patient)} letters")

    for form in ("json", "console"):
        logs.set_up(form, "info", lines)
        try:
            break_down()
        except RuntimeError:
            log.exception("part_failed")
            logging.getLogger("bleak").exception("failed")
    assert lines.getvalue().count("RuntimeError: with 10 letters") == 4
    assert "Durand" not in lines.getvalue()


@pytest.mark.parametrize(
    "key",
    [
        "phone",
        "doctor_phone",
        "name",
        "doctorName",
        "DOCTOR_NAME",
        "latitude",
        "lat",
        "position",
        "smsgate-password",
        "token",
        "api_token",
        "hub.secret",
        "pairing_json",
        "to_phone_numbers_phone",
        "address",
        "Authorization",
        "text",
        "body",
    ],
)
def test_what_a_key_gives_away_is_masked(lines: io.StringIO, key: str) -> None:
    log.info("oops", **{key: "Dr Anne Martin"})
    log.info("oops", inner={"list": [{key: 45.83362}]})
    first, second = entries(lines)
    assert first[key] == "***"
    assert second["inner"]["list"][0][key] == "***"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("button", "poche"),
        ("channel", "samu/0"),
        ("alert", "5f9a3c1e-7d24-5b86-9a10-f11cb41d6e00"),
        ("attempts", 3),
        ("took_s", 0.25),
        ("hostname", "tilleuls"),
        ("address", "80:E4:DA:70:00:01"),
        ("address", "5F9A3C1E-7D24-5B86-9A10-F11CB41D6E00"),
        ("error", None),
        ("url", "https://hub.example/hook"),
        ("paired", False),
        ("secret_found", True),
        ("at", "2026-03-01T14:02:05+02:00"),
    ],
)
def test_what_names_no_person_is_left_alone(lines: io.StringIO, key: str, value: object) -> None:
    log.info("fine", **{key: value})
    assert entries(lines)[0][key] == value


def test_a_secret_that_looks_like_an_address_is_a_secret(lines: io.StringIO) -> None:
    log.info("oops", token="80:E4:DA:70:00:01")
    assert entries(lines)[0]["token"] == "***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gateway refused +33612345678 for good", "gateway refused *** for good"),
        ("call +33 6 12 34 56 78", "call ***"),
        ("http://sms:hunter2@192.168.1.20:8080/message", "http://***@192.168.1.20:8080/message"),
    ],
)
def test_numbers_and_passwords_inside_text_are_masked(lines: io.StringIO, text: str, shown: str) -> None:
    log.info(text, detail=text, details=[text])
    try:
        raise RuntimeError(text)
    except RuntimeError:
        log.exception("broke")
    first, second = entries(lines)
    assert (first["event"], first["detail"], first["details"]) == (shown, shown, [shown])
    assert second["exception"].endswith(shown)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.frozensets(st.text(), max_size=3)
    ),
    max_leaves=6,
)


@given(
    event=st.text(),
    facts=st.dictionaries(st.text(), VALUES, max_size=4),
    form=st.sampled_from(["json", "console"]),
)
def test_whatever_is_logged_it_never_raises(event: str, facts: dict[str, Any], form: str) -> None:
    stream = Screen()
    logs.set_up(form, "info", stream)
    for taken in ("event", "level", "timestamp", "self", "exc_info", "stack_info", "exception", "stack"):
        facts.pop(taken, None)
    log.info(event, **facts)
    assert stream.getvalue()


class Broken(io.StringIO):
    """A full disk, or a reader that went away."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    logs.set_up("json", "info", Broken())
    log.info("press_taken")
    logging.getLogger("bleak").warning("hello")


def test_a_closed_stream_stops_nothing() -> None:
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    stream.close()
    log.info("press_taken")
