"""What an HTTP answer means."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from flicbridge.errors import Failure, PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport.verdict import Answer, insist_on_success, redacted, retry_after_s

NOW_AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(
        status, CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}), body
    )


def after(seconds: float) -> str:
    return format_datetime(NOW_AT + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_only_2xx_is_a_promise(status: int) -> None:
    insist_on_success(answer(status), NOW_AT)


@pytest.mark.parametrize(
    "status", [300, 301, 302, 303, 307, 308, 408, 409, 425, 429, 500, 502, 503, 504, 511, 599]
)
def test_what_may_pass_is_worth_another_try(status: int) -> None:
    with pytest.raises(TransientDeliveryError) as caught:
        insist_on_success(answer(status), NOW_AT)
    assert str(status) in str(caught.value)
    # The server has told us so; only a proxy that heard nothing from it cannot know.
    assert caught.value.may_have_arrived == (status == 504)


@pytest.mark.parametrize(
    ("refusal", "failure"),
    [
        (answer(503), Failure.TEMPORARY),
        (answer(200, b"<html>"), Failure.TEMPORARY),
        (answer(302), Failure.TEMPORARY),
        (answer(429), Failure.RATE_LIMITED),
        (answer(429, Retry_After="30"), Failure.RATE_LIMITED),
        (answer(503, Retry_After=after(30)), Failure.RATE_LIMITED),
        (answer(303, Retry_After="30"), Failure.RATE_LIMITED),
        (answer(401, Retry_After="30"), Failure.RATE_LIMITED),
        (answer(403, Retry_After=after(30)), Failure.RATE_LIMITED),
        (answer(413, Retry_After="30"), Failure.RATE_LIMITED),
        (answer(413, Retry_After="later"), Failure.PERMANENT),
        (answer(200, b"<html>", Retry_After="30"), Failure.TEMPORARY),
        (answer(504), Failure.UNKNOWN),
        (answer(404), Failure.PERMANENT),
    ],
)
def test_every_refusal_is_of_one_kind(refusal: Answer, failure: Failure) -> None:
    with pytest.raises((TransientDeliveryError, PermanentDeliveryError)) as caught:
        insist_on_success(refusal, NOW_AT)
    error = caught.value
    assert isinstance(error, TransientDeliveryError | PermanentDeliveryError)
    assert error.failure is failure


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 411, 413, 415, 422, 451, 499])
def test_what_a_person_must_mend_is_final(status: int) -> None:
    with pytest.raises(PermanentDeliveryError, match=str(status)):
        insist_on_success(answer(status), NOW_AT)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html>login</html>",
        b"\r\n\t <!doctype HTML public>",
        b"\xef\xbb\xbf<html lang=fr>",
        b"<HTML>",
        b"<head><meta http-equiv=refresh content='0; url=http://1.1.1.1/'></head>",
    ],
)
def test_a_page_for_people_is_not_an_answer_to_us(body: bytes) -> None:
    with pytest.raises(TransientDeliveryError, match="login portal"):
        insist_on_success(answer(200, body), NOW_AT)


def test_a_fragment_of_a_page_is_known_by_its_type() -> None:
    fragment = b"<script>location='http://portal/'</script>"
    insist_on_success(answer(200, fragment), NOW_AT)
    with pytest.raises(TransientDeliveryError, match="login portal"):
        insist_on_success(answer(200, fragment, content_type="Text/HTML; charset=utf-8"), NOW_AT)


@pytest.mark.parametrize("body", [b"", b"ok", b'{"ok":true}', b"<?xml version='1.0'?><ok/>"])
def test_a_small_receiver_that_says_ok_is_believed(body: bytes) -> None:
    html = b"xml" not in body
    insist_on_success(answer(200, body, content_type="text/html" if html else "text/xml"), NOW_AT)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        (after(90), 90.0),
        (after(-90), 0.0),
        ("Sunday, 22-Nov-26 10:00:30 GMT", 30.0),
        ("Sun Nov 22 10:00:30 2026", 30.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("Sun, 99 Nov 9999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": value}, NOW_AT) == seconds


def test_retry_after_goes_by_the_clock_of_the_server_that_named_the_time() -> None:
    headers = {"Retry-After": after(3600 + 20), "Date": after(3600)}
    assert retry_after_s(headers, NOW_AT) == 20


@pytest.mark.parametrize("status", [302, 303, 400, 401, 403, 404, 413, 429, 500, 503, 504])
def test_retry_after_comes_with_the_refusal(status: int) -> None:
    with pytest.raises(TransientDeliveryError) as caught:
        insist_on_success(answer(status, retry_after="12"), NOW_AT)
    assert caught.value.retry_after_s == 12


@given(retry=st.text(), date=st.text())
def test_no_header_can_upset_retry_after(retry: str, date: str) -> None:
    wait_s = retry_after_s({"Retry-After": retry, "Date": date}, NOW_AT)
    assert wait_s is None or wait_s >= 0


@given(status=st.integers(100, 999), body=st.binary(), kind=st.text())
def test_every_answer_gets_one_of_three_verdicts(status: int, body: bytes, kind: str) -> None:
    try:
        insist_on_success(answer(status, body, content_type=kind), NOW_AT)
    except (TransientDeliveryError, PermanentDeliveryError):
        return
    assert 200 <= status < 300


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Invalid phone number: +33 6 12 34 56 78", "Invalid phone number: …"),
        ("sendSMS: 0612345678 refused", "sendSMS: … refused"),
        ("RESULT_ERROR_NO_SERVICE (Failed)", "RESULT_ERROR_NO_SERVICE (Failed)"),
        ("code 42\nline two\x00\x1b[31m", "code 42 line two [31m"),
    ],
)
def test_foreign_words_are_kept_without_numbers_of_people(said: str, kept: str) -> None:
    assert redacted(said) == kept


@given(st.text())
def test_foreign_words_fit_on_one_short_line(said: str) -> None:
    assert len(redacted(said)) <= 120
    assert redacted(said).isprintable()
