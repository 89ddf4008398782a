"""Linux only: switching a Bluetooth adapter off and on, through bluetoothd and without being root.

A controller whose firmware hangs, or a bluetoothd whose idea of a scan is stuck, comes back to life by that
and by nothing less. It cuts every link of the adapter, those of other programs too.

What we switch off we owe to switch on, whatever happens meanwhile. The debt is written down before it is
made, so that a bridge that is killed in that second pays it when it starts again. An adapter that somebody
else switched off is none of ours: nothing here ever switches it on.

Source for the errors: BlueZ, src/adapter.c (property_set_mode): `Busy` while another switching is under way,
`Blocked` by rfkill, `Failed` otherwise. Switching to what it is already succeeds.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from flicbridge.clock import Clock
from flicbridge.press.bluez import ADAPTER, BLUEZ, open_bus

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

ASK_TIMEOUT_S: Final = 5.0
# The kernel waits up to 10 s for a controller that does not answer before it says so.
SWITCH_TIMEOUT_S: Final = 12.0
OFF_S: Final = 1.0  # some controllers want a moment without power
SETTLE_S: Final = 0.5  # bluetoothd answers whoever switched before it tells bleak, and us, that it did
TRIES: Final = 3
AGAIN_S: Final = 1.0
LONGEST_CYCLE_S: Final = 75.0
"""Off, and three tries to switch on, each as slow as can be."""


class Cycled(StrEnum):
    """What became of an attempt to switch the adapter off and on."""

    DONE = "done"
    NO_ADAPTER = "no_adapter"
    SWITCHED_OFF = "switched_off"
    """By somebody else; left alone."""
    REFUSED = "refused"
    """This user may not."""
    BLOCKED = "blocked"
    """By rfkill: a switch of the machine, or its aeroplane mode."""
    NO_BUS = "no_bus"
    NO_SERVICE = "no_service"
    """bluetoothd does not run."""
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    STAYS_OFF = "stays_off"
    """It went off, and does not come on again. `pay` goes on trying."""

    @property
    def cuts_links(self) -> bool:
        """Whether links may have died by it."""
        return self in (Cycled.DONE, Cycled.BLOCKED, Cycled.NO_ANSWER, Cycled.FAILED, Cycled.STAYS_OFF)


class Power(Protocol):
    """Somebody who can switch the adapter."""

    @property
    def is_owing(self) -> bool:
        """Whether the adapter is off because of us."""
        ...

    async def cycle(self) -> Cycled:
        """Switch the adapter off and on, if it is on. Raises nothing that tells anything."""
        ...

    async def pay(self) -> Cycled:
        """Switch on what an earlier cycle left switched off; `DONE` if there is nothing (left) to do."""
        ...


class _ReplyError(Exception):
    """bluetoothd, or the bus, answered with an error; `name` is its name on the bus."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


GONE: Final = "org.freedesktop.DBus.Error.UnknownObject"

MEANING: Final = {
    "org.freedesktop.DBus.Error.AccessDenied": Cycled.REFUSED,
    "org.bluez.Error.NotAuthorized": Cycled.REFUSED,
    "org.bluez.Error.NotPermitted": Cycled.REFUSED,
    "org.bluez.Error.Blocked": Cycled.BLOCKED,
    "org.freedesktop.DBus.Error.ServiceUnknown": Cycled.NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Cycled.NO_SERVICE,
    "org.freedesktop.DBus.Error.Spawn.ChildExited": Cycled.NO_SERVICE,
    "org.freedesktop.DBus.Error.NoReply": Cycled.NO_ANSWER,
    "org.freedesktop.DBus.Error.UnknownMethod": Cycled.NO_ADAPTER,  # of bluetoothd, before it has any object
    GONE: Cycled.NO_ADAPTER,
}


class BluezPower:
    """The power of BlueZ' adapters.

    Args:
        note: a file for what we owe, kept over restarts; it exists only while we owe something.
        clock: what time it is.
    """

    def __init__(self, note: Path, *, clock: Clock) -> None:
        self._note = note
        self._clock = clock
        self._owed: set[str] = set()
        with suppress(OSError, UnicodeDecodeError):
            self._owed.update(note.read_text(encoding="utf-8").split())

    @property
    def is_owing(self) -> bool:
        return bool(self._owed)

    async def cycle(self) -> Cycled:
        """See `Power.cycle`: all adapters that bleak may be scanning with, `adapters_in_use`."""
        try:
            async with open_bus() as bus:
                return await self._cycle(bus)
        except Exception as error:  # noqa: BLE001 - dbus_fast raises anything; all of it means: no
            return _meaning(error)

    async def pay(self) -> Cycled:
        """See `Power.pay`."""
        try:
            async with open_bus() as bus:
                return await self._pay(bus)
        except Exception as error:  # noqa: BLE001 - as above
            return _meaning(error)

    async def _cycle(self, bus: "MessageBus") -> Cycled:
        adapters = await _adapters(bus)
        paths = adapters_in_use(adapters)
        if not paths:
            return Cycled.SWITCHED_OFF if adapters else Cycled.NO_ADAPTER
        self._owe(self._owed | paths)
        try:
            for path in sorted(paths):
                await self._switch_off(bus, path)
            await self._clock.sleep(OFF_S)
        finally:  # also when cancelled: nobody else would ever switch them on
            outcome = await self._pay(bus)
        return outcome

    async def _switch_off(self, bus: "MessageBus", path: str) -> None:
        try:
            await _switch(bus, path, on=False)
        except _ReplyError:
            self._owe(self._owed - {path})  # it said no. (Silence might still mean yes.)
            raise

    async def _pay(self, bus: "MessageBus") -> Cycled:
        for path in sorted(self._owed):
            await self._switch_on(bus, path)
        await self._clock.sleep(SETTLE_S)
        return Cycled.STAYS_OFF if self._owed else Cycled.DONE

    async def _switch_on(self, bus: "MessageBus", path: str) -> None:
        for is_again in [False] + (TRIES - 1) * [True]:
            if is_again:
                await self._clock.sleep(AGAIN_S)
            try:
                await _switch(bus, path, on=True)
            except TimeoutError:
                continue
            except _ReplyError as error:
                if error.name != GONE:  # one that was pulled out comes back as any new one does
                    continue
            self._owe(self._owed - {path})
            return

    def _owe(self, paths: set[str]) -> None:
        self._owed = paths
        with suppress(OSError):  # a sick disk must not keep the radio sick
            if paths:
                self._note.write_text("\n".join(sorted(paths)), encoding="utf-8")
            else:
                self._note.unlink(missing_ok=True)


async def examine() -> Cycled:
    """Say what keeps BlueZ from using an adapter; `DONE` if nothing does. Changes nothing."""
    try:
        async with open_bus() as bus:
            adapters = await _adapters(bus)
    except Exception as error:  # noqa: BLE001 - as above
        return _meaning(error)
    if not adapters:
        return Cycled.NO_ADAPTER
    return Cycled.DONE if adapters_in_use(adapters) else Cycled.SWITCHED_OFF


def adapters_in_use(adapters: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The adapters that a scan of bleak's may be running on.

    bleak takes any adapter that is switched on and can connect to devices. Where there are several, those
    that scan at the moment are the better guess.

    Args:
        adapters: the properties of `org.bluez.Adapter1` by object path.
    """
    able = {
        path: properties
        for path, properties in adapters.items()
        if properties.get("Powered") and "central" in properties.get("Roles", ["central"])
    }
    return {path for path, properties in able.items() if properties.get("Discovering")} or set(able)


async def _adapters(bus: "MessageBus") -> dict[str, dict[str, Any]]:
    from dbus_fast import Message

    question = Message(
        destination=BLUEZ,
        path="/",
        interface="org.freedesktop.DBus.ObjectManager",
        member="GetManagedObjects",
    )
    objects = (await _call(bus, question, ASK_TIMEOUT_S)).body[0]
    return {
        path: {name: variant.value for name, variant in interfaces[ADAPTER].items()}
        for path, interfaces in objects.items()
        if ADAPTER in interfaces
    }


async def _switch(bus: "MessageBus", path: str, *, on: bool) -> None:
    from dbus_fast import Message, Variant

    order = Message(
        destination=BLUEZ,
        path=path,
        interface="org.freedesktop.DBus.Properties",
        member="Set",
        signature="ssv",
        body=[ADAPTER, "Powered", Variant("b", on)],
    )
    await _call(bus, order, SWITCH_TIMEOUT_S)


async def _call(bus: "MessageBus", message: "Message", timeout_s: float) -> "Message":
    """Return the answer.

    Raises:
        _ReplyError: it is an error.
        TimeoutError: none came.
    """
    from dbus_fast import MessageType

    async with asyncio.timeout(timeout_s):
        reply = await bus.call(message)
    if reply.message_type is not MessageType.METHOD_RETURN:
        raise _ReplyError(reply.error_name or "")
    return reply


def _meaning(error: Exception) -> Cycled:
    match error:
        case _ReplyError(name=name):
            return MEANING.get(name, Cycled.FAILED)
        case TimeoutError():
            return Cycled.NO_ANSWER
    return Cycled.NO_BUS
