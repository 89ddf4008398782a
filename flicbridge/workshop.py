"""Where buttons are built: what each one is heard through, and the path that its presses take."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog

from flicbridge.alert.desk import Reaction
from flicbridge.clock import Clock
from flicbridge.config.settings import ButtonSettings, Settings
from flicbridge.errors import InputError
from flicbridge.gesture.settings import gesture_table
from flicbridge.guard.status import ButtonPart
from flicbridge.listening import Roster
from flicbridge.observation import Observe
from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store
from flicbridge.path import ButtonPath, Fingers
from flicbridge.press.flic2 import record as pairing_record
from flicbridge.press.flic2.intake import QUEUE_SILENCE_S
from flicbridge.press.flic2.link import Flic2Link
from flicbridge.press.settings import Family, LinkMode
from flicbridge.press.source import ButtonSource
from flicbridge.press.virtual import VirtualButton
from flicbridge.room import RadioRoom

if TYPE_CHECKING:
    from flicbridge.press.flicd.daemon import Flicd

log = structlog.get_logger()

# Flic 2 links run at intervals of about 100 ms; three lost packets in a row are rare, and only thresholds
# other than the button's own are ever decided by a timer of ours.
RADIO_ALLOWANCE_S: Final = 0.35

# The session itself ends a queue that the button does not end; only where the link is lost as well, or this
# process was busy, nothing comes any more.
FLIC2_QUEUE_SILENCE_S: Final = QUEUE_SILENCE_S + 1.0


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where buttons are built: at the start, and whenever the settings are read anew.

    Attributes:
        started_with: the settings of the start; what differs from them and is no button needs a new start.
        tests_since_s: as in `Fingers`.
    """

    started_with: Settings
    store: Store
    room: RadioRoom | None
    flicd: "Flicd | None"
    ledger: Ledger
    is_rehearsal: bool
    reread: Callable[[], Settings] | None
    clock: Clock
    observe: Observe
    tests_since_s: float = math.inf

    def roster(self, settings: Settings, records: Mapping[str, ButtonRecord]) -> Roster:
        """Build the buttons of these settings, as far as they are paired."""
        sources = _sources(settings, records, self.room, self.flicd, self.clock, self.observe)
        is_deaf = (self.room is None and wants_radio(settings)) or (
            self.flicd is None and wants_flicd(settings)
        )
        return Roster(
            buttons=_button_parts(settings, sources),
            paths=self._paths(settings, sources),
            made_of=_made_of(settings, records),
            restart_needed=self.is_rehearsal or is_deaf or _beside(settings) != _beside(self.started_with),
        )

    def _paths(self, settings: Settings, sources: Mapping[str, ButtonSource]) -> dict[str, ButtonPath]:
        position = settings.practice.place()
        return {
            button.name: ButtonPath(
                replace(fingers_of(button, settings.rhythms), tests_since_s=self.tests_since_s),
                sources[button.name],
                self.ledger,
                lambda: position,
                clock=self.clock,
                observe=self.observe,
            )
            for button in settings.buttons
            if button.name in sources
        }

    async def reread_roster(self) -> Roster:
        """Read the settings file anew, and build its buttons.

        Raises:
            InputError: it cannot work, or there is none.
            StoreError: the pairings cannot be read.
        """
        if self.reread is None:
            raise InputError("this bridge was not started with a settings file")
        settings = await asyncio.to_thread(self.reread)
        return self.roster(settings, await self.store.buttons())


def wants_radio(settings: Settings) -> bool:
    return any(button.family is Family.FLIC2 for button in settings.buttons)


def wants_flicd(settings: Settings) -> bool:
    return any(button.family is Family.FLICD for button in settings.buttons)


def fingers_of(button: ButtonSettings, rhythms: Mapping[str, str]) -> Fingers:
    # Every family sees to bouncing contacts itself: a Flic in its firmware, a virtual button has none.
    big, small = (
        gesture_table(gestures, rhythms, button, contacts_bounce=False)
        for gestures in (button.gestures, button.small_gestures)
    )
    return Fingers(
        button=button.name,
        table=big,
        reactions=button.gestures,
        allowance_s=0.0 if button.family is Family.VIRTUAL else RADIO_ALLOWANCE_S,
        queue_silence_s=FLIC2_QUEUE_SILENCE_S if button.family is Family.FLIC2 else 0.0,
        small_table=small if button.small_gestures else None,
        small_reactions=button.small_gestures,
    )


def _sources(
    settings: Settings,
    records: Mapping[str, ButtonRecord],
    room: RadioRoom | None,
    flicd: "Flicd | None",
    clock: Clock,
    observe: Observe,
) -> dict[str, ButtonSource]:
    """What each button is heard through; a button that is not paired has nothing."""
    sources: dict[str, ButtonSource] = {}
    for button in settings.buttons:
        if button.family is Family.VIRTUAL:
            boot_id = random.SystemRandom().randrange(1, 2**32)
            sources[button.name] = VirtualButton(button.name, boot_id, clock=clock, observe=observe)
            continue
        if button.family is Family.FLICD:
            if flicd is not None:  # a bridge that began without one needs a new start, and says so
                sources[button.name] = flicd.button(button.name, button.address)
            continue
        record = records.get(button.serial)
        if room is None or record is None or record.pairing_json is None:
            log.warning("button_not_paired", button=button.name)
            continue
        pairing = pairing_record.from_json(record.pairing_json)
        if pairing.simulated and not button.simulated:
            raise InputError(
                f'button "{button.name}" was paired in a rehearsal, with the public test key. Pair it again, '
                "or write simulated = true for it if this is a rehearsal."
            )
        sources[button.name] = Flic2Link(
            button.name,
            pairing,
            record.resume,
            room.radio,
            root_key=room.root_key,
            clock=clock,
            observe=observe,
            rest_after_s=button.idle.total_seconds() if button.link is LinkMode.ON_PRESS else None,
        )
    return sources


def _made_of(settings: Settings, records: Mapping[str, ButtonRecord]) -> dict[str, object]:
    """Everything that a button's path depends on and that may change while the bridge runs."""
    return {
        button.name: (
            button,
            settings.rhythms,
            record.pairing_json if (record := records.get(button.serial)) else None,
        )
        for button in settings.buttons
    }


def _beside(settings: Settings) -> Settings:
    """The settings without what can be taken up while the bridge runs."""
    return settings.model_copy(update={"buttons": (), "rhythms": {}})


def _button_parts(settings: Settings, sources: Mapping[str, ButtonSource]) -> tuple[ButtonPart, ...]:
    return tuple(
        ButtonPart(
            name=button.name,
            family=button.family.value,
            serial=button.serial,
            over_radio=button.family is not Family.VIRTUAL,
            paired=button.name in sources,
            has_small_gestures=bool(button.small_gestures),
            raises=Reaction.ALERT in button.reactions(),
        )
        for button in settings.buttons
    )
