"""Commands for systemd: run where it runs, shown where it does not."""

import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from flicbridge.cli.shared import Translate
from flicbridge.errors import FlicbridgeError

type Step = tuple[str, ...]

BOOTED: Final = Path("/run/systemd/system")
"""There while systemd is what started this machine. Source: sd_booted(3)."""

# To restart a service is to wait for the end of what ran before, and until what comes after it is ready: the
# unit allows 15 s and 120 s.
STEP_TIMEOUT_S: Final = 150.0


def runs() -> bool:
    """Whether systemd runs this machine; in a container or an image being made it does not."""
    return BOOTED.is_dir()


def shown(step: Step) -> str:
    """A command as a person would type it."""
    return shlex.join(step)


def perform(steps: Sequence[Step], tell: Callable[[str], None], _: Translate) -> None:
    """Run commands one after the other, and tell of each.

    Raises:
        FlicbridgeError: one failed; those after it were not run.
    """
    for number, step in enumerate(steps):
        why = _failure(step)
        if why is not None:
            rest = "\n".join(f"  {shown(each)}" for each in steps[number:])
            text = _("`{command}` failed: {why}\nWhen that is mended, run as root what is left:\n{rest}")
            raise FlicbridgeError(text.format(command=shown(step), why=why, rest=rest))
        tell(_("done: {command}").format(command=shown(step)))


def _failure(step: Step) -> str | None:
    """Run one command; what went wrong, or None."""
    try:
        done = subprocess.run(step, capture_output=True, text=True, timeout=STEP_TIMEOUT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return done.stderr.strip() or f"exit code {done.returncode}"
