"""Where flicd may be, and what its buttons are called."""

import pytest
from pydantic import ValidationError

from flicbridge.press.settings import ButtonSettings, FlicdSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "::1", "127.1.2.3", " 127.0.0.1 "])
def test_a_flicd_on_this_machine_needs_no_consent(host: str) -> None:
    assert FlicdSettings(host=host).is_here


@pytest.mark.parametrize("host", ["192.168.1.5", "pi.local", "0.0.0.0", "::", "127.0.0.1.example.org"])
def test_a_flicd_on_another_machine_is_only_believed_by_consent(host: str) -> None:
    with pytest.raises(ValidationError, match="i_accept_spoofing = true"):
        FlicdSettings(host=host)
    assert FlicdSettings(host=host, i_accept_spoofing=True).host == host


@pytest.mark.parametrize("host", ["", "http://127.0.0.1", "a b", "127.0.0.1:5551", "-x", "a" * 300, "é"])
def test_what_is_no_machine_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="is no machine"):
        FlicdSettings(host=host, i_accept_spoofing=True)


def test_its_port_is_the_vendors() -> None:
    assert FlicdSettings().port == 5551


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(ValidationError):
        FlicdSettings(port=port)


def test_an_address_is_kept_in_capitals() -> None:
    button = ButtonSettings(name="poche", family="flicd", address=" 80:e4:da:71:b2:c3 ")  # type: ignore[arg-type]
    assert button.address == "80:E4:DA:71:B2:C3"


@pytest.mark.parametrize(
    "address", ["80:e4:da:71:b2", "80-e4-da-71-b2-c3", "80e4da71b2c3", "80:e4:da:71:b2:cg"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="is no Bluetooth address"):
        ButtonSettings(name="poche", family="flicd", address=address)  # type: ignore[arg-type]
