"""What was measured, as people read it; French has a comma where English has a point."""

from typing import TYPE_CHECKING

from flicbridge.cli.shared import Translate

if TYPE_CHECKING:
    from flicbridge.press.signal import Strength


def battery(millivolt: float, _: Translate) -> str:
    """`2.98 V (88 %)`."""
    from flicbridge.press.flic2.events import battery_percent

    whole, hundredths = divmod(round(millivolt / 10), 100)
    text = _("{whole}.{hundredths:02} V ({percent} %)")
    return text.format(whole=whole, hundredths=hundredths, percent=battery_percent(millivolt))


def seconds(duration_s: float, _: Translate) -> str:
    """`0.3 s`."""
    whole, tenths = divmod(round(duration_s * 10), 10)
    return _("{whole}.{tenths} s").format(whole=whole, tenths=tenths)


def exactly(duration_s: float, _: Translate) -> str:
    """`23 ms`; from a second on like `seconds`."""
    return (
        _("{number} ms").format(number=round(duration_s * 1000)) if duration_s < 1 else seconds(duration_s, _)
    )


def signal(rssi_dbm: float | None, _: Translate) -> str:
    """`-63 dBm (good)`."""
    from flicbridge.press.signal import strength

    if rssi_dbm is None:
        return _("not known")
    return f"{rssi_dbm:.0f} dBm ({strength_word(strength(rssi_dbm), _)})"


def strength_word(strength: "Strength", _: Translate) -> str:
    """How well a button is heard, in a word."""
    from flicbridge.press.signal import Strength

    return {
        Strength.GOOD: _("good"),
        Strength.WEAK: _("weak"),
        Strength.TOO_WEAK: _("too weak"),
    }[strength]
