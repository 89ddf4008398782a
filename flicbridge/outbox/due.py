"""When a delivery is due and how long it is worth sending, counted from now. Pure.

Due times are written down as wall times, for they must survive a restart. They are never believed further
than they can be: a press that was dated an instant before the wall clock was set by hours is neither held
back for hours nor given up at once.
"""

from dataclasses import dataclass
from datetime import timedelta

from flicbridge.alert.alert import Delivery
from flicbridge.clock import Reading
from flicbridge.outbox.job import Job


@dataclass(frozen=True, slots=True)
class Due:
    """Due in `wait_s`, pointless after `lives_s` seconds from now."""

    wait_s: float
    lives_s: float


def due_of_new(delivery: Delivery) -> Due:
    """For a delivery that was just made: only the plan counts, and no clock is asked."""
    return Due(
        max(0.0, (delivery.due_at - delivery.made_at).total_seconds()),
        (delivery.expires_at - delivery.made_at).total_seconds(),
    )


def due_after_restart(job: Job, now: Reading, longest_wait: timedelta) -> Due:
    """For a delivery that an earlier run has left behind.

    Its age by the machine's own count overrules all dates. After a restart of the machine only the dates are
    left, and each is believed in one direction: nothing is due further ahead than it was when it was made,
    and what failed before is tried at once (early, perhaps, but never silent). What nobody knows the age of
    is not given up for its age.

    Args:
        job: the delivery as it was last written down.
        now: the clocks.
        longest_wait: nothing of ours is ever due later than this from now.
    """
    delivery = job.delivery
    now_at = now.at - now.error_of(delivery.made_at, job.made_by_count)
    wait = delivery.due_at - now_at
    is_dated_only = now.up.since_s(job.made_by_count) is None
    if job.leased:
        wait = timedelta(0)
    elif not job.attempts:
        wait = min(wait, delivery.due_at - delivery.made_at)
    elif is_dated_only or wait > longest_wait:
        wait = timedelta(0)
    return Due(max(0.0, wait.total_seconds()), (job.expires_at(now) - now.at).total_seconds())
