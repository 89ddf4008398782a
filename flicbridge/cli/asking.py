"""Asking the running bridge; or, about what is past, its database."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from flicbridge.cli.shared import OfABridge, console, settings_in, wait_for, words_of
from flicbridge.errors import ApiError, ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from flicbridge.api.client import ApiClient
    from flicbridge.config.whereabouts import Whereabouts
    from flicbridge.outbox.store import Store

type Json = dict[str, Any]


def whereabouts_in(file: "Path | None") -> "Whereabouts":
    """Find the bridge to ask. One that runs is asked, whatever is wrong with its settings file by now.

    Raises:
        ConfigError: the file cannot work, and does not lead to a bridge.
    """
    from flicbridge.config import default_path
    from flicbridge.config.whereabouts import Whereabouts

    try:
        return Whereabouts.of(settings_in(file))
    except ConfigError as error:
        is_missing = file is None and isinstance(error.__cause__, FileNotFoundError)
        where = Whereabouts.unsaid() if is_missing else Whereabouts.salvage(file or default_path())
        if where is None or (where.is_guess and not _runs(where)):
            raise
        if not is_missing:
            _ = words_of(where)
            told = _("There is a mistake in {file}: `flicbridge config check` shows it.")
            console(to_stderr=True).print(told.format(file=error.source))
        return where


def _runs(where: OfABridge) -> bool:
    """Whether there is a bridge, be it one that hangs."""
    from flicbridge.api.client import NOT_RUNNING, ApiClient

    try:
        wait_for(ApiClient(where.bridge.state_dir).status())
    except ApiError as error:
        return str(error) != NOT_RUNNING
    return True


def ask[T](settings: OfABridge, question: Callable[["ApiClient"], Coroutine[Any, Any, T]]) -> T:
    """Ask the running bridge.

    Raises:
        ApiError: it does not run or does not answer, which is said in the language of the settings; or it
            says no.
    """
    from flicbridge.api.client import ApiClient

    return wait_for(question(ApiClient(settings.bridge.state_dir, words_of(settings))))


def ask_or_read[T](
    settings: OfABridge,
    question: Callable[["ApiClient"], Coroutine[Any, Any, T]],
    look: Callable[["Store"], Coroutine[Any, Any, T]],
) -> T:
    """Ask the running bridge; if nobody answers, look into its database, without writing.

    Raises:
        ApiError: nobody answers and there is no database; or the bridge says no.
        StoreError: the database cannot be read.
    """
    try:
        return ask(settings, question)
    except ApiError as error:
        from flicbridge.bridge import DATABASE

        path = settings.bridge.state_dir / DATABASE
        if error.status is not None or not path.exists():
            raise
        _ = words_of(settings)
        console(to_stderr=True).print(str(error), _("What follows is from its database."))
        return wait_for(_read(path, look))


async def _read[T](path: "Path", look: Callable[["Store"], Coroutine[Any, Any, T]]) -> T:
    from flicbridge.outbox.store import Store

    store = Store.open_read_only(path)
    try:
        return await look(store)
    finally:
        await store.close()


async def stored_alerts(store: "Store", limit: int) -> list[Json]:
    """The newest alerts in a database, as the API lists them."""
    from flicbridge.api import views

    return [views.standing(standing) for standing in await store.list_alerts(limit)]


async def stored_drills(store: "Store", limit: int) -> Json:
    """The newest drills in a database, as the API lists them. What is due only a running bridge knows."""
    from flicbridge.api import views

    return {"drills": [views.drill(drill) for drill in await store.drills.newest(limit)], "due": []}


async def stored_alert(store: "Store", prefix: str, *, asks_pin: bool) -> Json:
    """One alert in a database, as the API shows it.

    Args:
        store: the database.
        prefix: how the alert's id begins.
        asks_pin: as the settings have it.

    Raises:
        InputError: there is none whose id begins like this, or more than one.
    """
    from flicbridge.api import views
    from flicbridge.api.routes import ALERT_ID

    alert = await store.find_alert(prefix) if ALERT_ID.fullmatch(prefix) else None
    shown = None if alert is None else await store.show_alert(alert)
    if shown is None:
        raise InputError(f"there is no alert whose id is, or alone begins with, {prefix!r}")
    return views.alert(shown, asks_pin=asks_pin)
