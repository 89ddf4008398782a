"""The button's clock against ours, as far as packets that arrive late can tell."""

import math
from typing import Final

# The worst that Bluetooth allows a sleeping device's clock (500 ppm: Core Specification, vol. 6, part B,
# section 4.2), and a generous 100 ppm for ours.
DRIFT: Final = 600e-6
# Outweighs the rounding in sums of such large numbers, so that `button_now_s(wake_at_s(t))` is not before t.
ROUNDING_S: Final = 20e-6


class EarliestArrival:
    """Tells by when everything that a button did up to some instant must have arrived here.

    The recogniser needs somebody to say "nothing happened until then" when nothing comes. Said too early, a
    press that is still in the air is overtaken and a double press becomes two singles. With a Flic and its
    default thresholds nobody has to: the button itself reports half a second of silence and one second of
    holding (fact sheet, section 9.4), in order with everything else. This timer is for other thresholds,
    other families, and links that die.

    A packet arrives some time after its event, never before. So of all pairs (instant on the button's clock,
    arrival on ours) the one with the smallest difference is the nearest to the truth, and it errs on the
    late side, which is the safe one. As the clocks drift apart an old pair proves less and less.

    One instance serves one session: a button that restarts begins its clock anew.
    """

    def __init__(self) -> None:
        self._ahead_s = math.inf  # our clock minus the button's, at most, ...
        self._noted_s = 0.0  # ... when ours showed this

    def note(self, at_s: float, arrived_s: float) -> None:
        """Take in that what the button did or said at `at_s` arrived here at `arrived_s`.

        Events that the button had queued do no harm: they are slow packets, and never the fastest.
        """
        drifted_s = self._ahead_s + DRIFT * (arrived_s - self._noted_s)
        self._ahead_s = min(drifted_s, arrived_s - at_s)
        self._noted_s = arrived_s

    def button_now_s(self, now_s: float, allowance_s: float) -> float:
        """Return up to which instant of the button's clock all news must be here.

        Args:
            now_s: our monotonic clock.
            allowance_s: how much longer than the fastest packet the slowest may take.
        """
        return now_s - allowance_s - self._ahead_s - DRIFT * (now_s - self._noted_s)

    def wake_at_s(self, deadline_s: float, allowance_s: float) -> float:
        """Return when, on our monotonic clock, `button_now_s` will have come to `deadline_s`.

        Infinitely late as long as nothing was heard.
        """
        since_noted_s = deadline_s + allowance_s + self._ahead_s - self._noted_s
        return self._noted_s + since_noted_s / (1 - DRIFT) + ROUNDING_S
