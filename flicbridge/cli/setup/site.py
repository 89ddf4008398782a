"""What every step of the setup works with."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flicbridge.cli.setup.draft import Draft
from flicbridge.cli.setup.evidence import EvidenceFile
from flicbridge.cli.setup.talk import Talk
from flicbridge.cli.shared import Translate


@dataclass(frozen=True, slots=True)
class Site:
    """One practice that is being set up: its settings, what was proven, and somebody to talk with."""

    talk: Talk
    draft: Draft
    evidence: EvidenceFile

    @property
    def words(self) -> Translate:
        """What translates an English text."""
        return self.talk.words

    @property
    def secrets(self) -> Path:
        """The folder of the secrets."""
        return self.draft.path.parent / "secrets"


def now_at() -> datetime:
    """What time it is."""
    from flicbridge.clock import SystemClock

    return SystemClock().now_at()
