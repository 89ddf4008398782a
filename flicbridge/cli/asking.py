"""Asking the running bridge; or, about what is past, its database."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from flicbridge.cli.shared import console, wait_for, words_of
from flicbridge.errors import ApiError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from flicbridge.api.client import ApiClient
    from flicbridge.config import Settings
    from flicbridge.outbox.store import Store

type Json = dict[str, Any]


def ask[T](settings: "Settings", question: Callable[["ApiClient"], Coroutine[Any, Any, T]]) -> T:
    """Ask the running bridge.

    Raises:
        ApiError: it does not run, which is said in the language of the settings; or it says no.
    """
    from flicbridge.api.client import NOT_RUNNING, ApiClient

    _ = words_of(settings)
    try:
        return wait_for(question(ApiClient(settings.bridge.state_dir)))
    except ApiError as error:
        if str(error) != NOT_RUNNING:
            raise
        raise ApiError(_("The bridge is not running. Start it with `flicbridge run`.")) from error


def ask_or_read[T](
    settings: "Settings",
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


async def stored_alert(store: "Store", prefix: str) -> Json:
    """One alert in a database, as the API shows it.

    Raises:
        InputError: there is none whose id begins like this, or more than one.
    """
    from flicbridge.api import views
    from flicbridge.api.routes import ALERT_ID

    alert = await store.find_alert(prefix) if ALERT_ID.fullmatch(prefix) else None
    shown = None if alert is None else await store.show_alert(alert)
    if shown is None:
        raise InputError(f"there is no alert whose id is, or alone begins with, {prefix!r}")
    return views.alert(shown)
