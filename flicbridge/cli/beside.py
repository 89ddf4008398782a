"""Working beside a bridge that runs: it lets go of a button, and takes up what was changed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from flicbridge.cli.asking import ask
from flicbridge.cli.shared import Translate, words_of
from flicbridge.errors import ApiError, InputError

if TYPE_CHECKING:
    from flicbridge.api.client import ApiClient
    from flicbridge.clock import Clock
    from flicbridge.config import Settings

type Json = dict[str, Any]

# Short, for if this process is killed the doctor's button is heard again only when the pause ends by itself.
PAUSE_S: Final = 20.0
RENEW_EVERY_S: Final = 5.0


@asynccontextmanager
async def let_go(bridge: "ApiClient", button: str, *, clock: "Clock") -> AsyncGenerator[bool]:
    """Have the bridge let go of a button for as long as the context lasts.

    Yields:
        Whether it had to: False if no bridge runs, or it does not listen to that button.
    """
    from flicbridge.supervise import alongside

    try:
        await bridge.pause(button, PAUSE_S)
    except ApiError:  # whatever the reason, there is nothing to end
        yield False
        return

    async def renew() -> None:
        while True:
            await clock.sleep(RENEW_EVERY_S)
            with suppress(ApiError):  # it may be restarting
                await bridge.pause(button, PAUSE_S)

    try:
        async with alongside(renew=renew):
            yield True
    finally:
        with suppress(ApiError):  # it is gone, or has given the button up
            await bridge.pause(button, 0)


def refuse_two_worlds(settings: "Settings") -> None:
    """Raise InputError if a running bridge has the simulated buttons: ours would be others of that name."""
    if not settings.radio.simulated:
        return
    try:
        ask(settings, lambda bridge: bridge.status())
    except ApiError:
        return
    _ = words_of(settings)
    raise InputError(_("the running bridge has the simulated buttons: stop it meanwhile"))


def warning(buttons: list[str], _: Translate) -> str:
    """What it means that the bridge let go of these."""
    text = _("Meanwhile the bridge does not hear {buttons}: a press now is kept in the button and told late.")
    return text.format(buttons=", ".join(buttons))


async def take_up(bridge: "ApiClient") -> Json | None:
    """Have the bridge take up what was changed.

    Returns:
        What it did, as `ApiClient.reload` says it, or `error`; None if no bridge runs.
    """
    try:
        return await bridge.reload()
    except ApiError as error:
        return None if error.status is None else {"error": str(error)}


def outcome(taken_up: Json | None, button: str, _: Translate) -> str:
    """What came of `take_up`, for people."""
    if taken_up is None:
        return _(
            "The bridge takes this up when it is started. Next: `flicbridge run` to try it,"
            " `flicbridge service install` to keep it running."
        )
    if "error" in taken_up:
        return _("The bridge could not take this up ({error}): restart it.").format(error=taken_up["error"])
    if taken_up["restart_needed"]:
        return _("Restart the bridge: something in the settings changed that it reads only when it starts.")
    if button in taken_up["listening"]:
        return _("The bridge listens to {button} now.").format(button=button)
    if button in taken_up["stopped"]:
        return _("The bridge does not listen to {button} any more.").format(button=button)
    return _("Nothing changed for the running bridge.")
