"""`flicbridge setup`: the guided first run.

Eight steps, each answer written down as soon as it is given, and a channel once all of it is: stopped at any
moment, the next run offers what is there and goes on. The modules are named by what they ask for.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from flicbridge.cli.faults import FAILED
from flicbridge.cli.shared import ConfigFile, Translate, console
from flicbridge.cli.unit import SETTINGS

if TYPE_CHECKING:
    from flicbridge.cli.setup.draft import Draft
    from flicbridge.cli.setup.site import Site

INTERRUPTED: Final = 130


def setup(
    config: ConfigFile = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="fr|en", show_default=False, help="Asked for without this."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Rehearse it without hardware, with a simulated radio.")
    ] = False,
) -> None:
    """Set a practice up: radio, buttons, people, place, channels, rooms, a press, a signed report."""
    from flicbridge import logs
    from flicbridge.cli.setup.draft import Draft
    from flicbridge.config import default_path
    from flicbridge.errors import InputError

    logs.set_up(level="debug" if os.environ.get("FLICBRIDGE_DEBUG") else "error")
    draft = Draft(config or default_path())
    if simulated and draft.path.exists() and not draft.settings().radio.simulated:
        raise InputError(
            f"the file {draft.path} is for a real radio: a rehearsal would make its buttons unheard. Name"
            " another file with --config"
        )
    draft.begin()
    draft.settings()  # what cannot work must be mended with an editor first
    if simulated:
        draft.put("radio", "simulated", value=True)
    site = _site(draft, language)
    try:
        _walk_through(site)
    except EOFError:
        _stop(site.words, FAILED)
    except KeyboardInterrupt:
        _stop(site.words, INTERRUPTED)
    except typer.Exit as error:
        if error.exit_code != INTERRUPTED:
            raise
        _stop(site.words, INTERRUPTED)


def _stop(_: Translate, code: int) -> NoReturn:
    said = _(
        "Stopped. What was answered is kept, but not a way to reach somebody that was not complete yet: run"
        " `flicbridge setup` again to go on."
    )
    console(to_stderr=True).print(f"\n{said}")
    raise typer.Exit(code) from None


def _walk_through(site: "Site") -> None:
    _ = site.words
    site.talk.say(_("The settings are kept in this file:"))
    site.talk.show(str(site.draft.path))
    said = _(
        "Every answer is kept at once; a way to reach somebody, as soon as it is complete. Ctrl-C stops; run"
        " this again to go on."
    )
    site.talk.say(said)
    steps = list(_steps(_))
    for number, (title, take) in enumerate(steps, start=1):
        site.talk.say("")
        site.talk.say(f"── {number}/{len(steps)} {title} ──")
        take(site)
    _close(site)


def _steps(_: Translate) -> Iterator[tuple[str, Callable[["Site"], None]]]:
    from flicbridge.cli.setup import buttons, channels, people, place, press, radio, report, rooms

    yield _("Radio"), radio.check_radio
    yield _("Buttons"), buttons.pair_buttons
    yield _("Who calls for help"), people.ask_people
    yield _("Where"), place.ask_place
    yield _("Who can help"), channels.ask_channels
    yield _("Rooms"), rooms.walk_rooms
    yield _("A press, to the end"), press.try_presses
    yield _("Report"), report.sign_report


def _site(draft: "Draft", language: str | None) -> "Site":
    """Agree on a language, and write it down."""
    from flicbridge.cli.setup.evidence import EvidenceFile
    from flicbridge.cli.setup.site import Site
    from flicbridge.cli.setup.talk import Talk
    from flicbridge.errors import InputError
    from flicbridge.texts import LANGUAGES, translator

    if language is None:
        before = draft.text("bridge", "language")
        default = LANGUAGES.index(before if before in LANGUAGES else _of_locale())
        first = Talk(console(), translator(LANGUAGES[default]).gettext)
        try:
            language = LANGUAGES[first.choose("Langue / Language", ["français", "English"], default)]
        except (EOFError, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
    elif language not in LANGUAGES:
        raise InputError(f"no texts in {language!r}; there are: {', '.join(LANGUAGES)}")
    draft.put("bridge", "language", value=language)
    return Site(Talk(console(), translator(language).gettext), draft, EvidenceFile.beside(draft.path))


def _of_locale() -> str:
    """English where the terminal speaks it; French is what most practices speak."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if spoken.lower().startswith("en") else "fr"


def _close(site: "Site") -> None:
    """Say whether the bridge could start like this, and how."""
    from flicbridge.config import load, warnings
    from flicbridge.errors import ConfigError

    _, talk = site.words, site.talk
    talk.say("")
    try:
        advice = warnings(load(site.draft.path))
    except ConfigError as error:
        talk.say(_("The bridge cannot start like this:"))
        talk.say(str(error))
        raise typer.Exit(FAILED) from None
    for problem in advice:
        talk.say(f"  ! {problem}")
    talk.say(_("The settings pass the check. Start the bridge:"))
    talk.show(start_command(site.draft.path, is_rehearsal=site.draft.settings().radio.simulated))


def start_command(settings: Path, *, is_rehearsal: bool) -> str:
    """What starts the bridge: as a service, if these are the settings that the service reads."""
    if settings.absolute() == SETTINGS and sys.platform == "linux" and not is_rehearsal:
        return "sudo flicbridge service install"
    return f"flicbridge run --config {shlex.quote(str(settings))}"
