"""Standard Webhooks signatures: the reference library believes ours, and only ours."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from flicbridge.clock import SystemClock
from flicbridge.transport.signature import is_signed_with, read_keys, sign

KEYS = st.binary(min_size=24, max_size=64)
IDS = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")


def written(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def test_a_signature_is_the_one_of_the_specification() -> None:
    """Values of the test in the reference implementations."""
    keys = read_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(key=KEYS)
def test_a_key_may_be_given_without_its_prefix(key: bytes) -> None:
    assert read_keys(written(key).removeprefix("whsec_")) == read_keys(written(key)) == (key,)


@given(key=KEYS, message_id=IDS, body=st.text())
def test_the_reference_library_verifies_every_message(key: bytes, message_id: str, body: str) -> None:
    now_s = int(SystemClock().now_at().timestamp())  # the reference library reads the machine's clock
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": sign(read_keys(written(key)), message_id, now_s, body.encode()),
    }
    Webhook(written(key)).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(written(key)).verify(body + " ", headers, json_parse=False)


@given(old=KEYS, new=KEYS, body=st.binary())
def test_while_keys_change_either_is_enough(old: bytes, new: bytes, body: bytes) -> None:
    both = read_keys(f"{written(old)} {written(new)}")
    header = sign(both, "id", 1, body)
    assert is_signed_with([old], header, "id", 1, body)
    assert is_signed_with([new], header, "id", 1, body)


@given(key=KEYS, other=KEYS, body=st.binary())
def test_nothing_else_passes_for_signed(key: bytes, other: bytes, body: bytes) -> None:
    header = sign([key], "id", 1, body)
    assert is_signed_with([key], header, "id", 1, body)
    assert not is_signed_with([key], header, "id", 2, body)
    assert not is_signed_with([key], header, "di", 1, body)
    assert not is_signed_with([key], header, "id", 1, body + b"x")
    assert not is_signed_with([key], "", "id", 1, body)
    assert is_signed_with([other], header, "id", 1, body) == (other.rstrip(b"\0") == key.rstrip(b"\0"))


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("correct-horse-battery-staple", "is not whsec_ and base64"),
        ("hunter2", "has 5 bytes instead of 24 to 64"),
        ("whsec_hunter2 with blanks", "has 5 bytes"),
        ("whsec_hunter2!!hunter2!!hunter2!!hunter2!!", "is not whsec_ and base64"),
        ("whsec_hunt", "has 3 bytes instead of 24 to 64"),
        (written(b"x" * 23), "has 23 bytes"),
        (written(b"x" * 65), "has 65 bytes"),
    ],
)
def test_a_bad_key_is_refused_without_showing_it(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_keys(secret)
    assert "hunt" not in str(caught.value)
    assert "openssl" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("size", [24, 25, 26, 64])
def test_padding_may_be_left_out(size: int) -> None:
    key = b"k" * size
    assert read_keys(written(key).rstrip("=") + "\n") == (key,)
