"""Linux only: questions to the services on the system bus. Asking starts no service, unless told to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from flicbridge.press.bluez import DBUS, open_bus

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

ANSWER_TIMEOUT_S: Final = 5.0

ACCESS_DENIED: Final = "org.freedesktop.DBus.Error.AccessDenied"
NO_ANSWER: Final = "org.freedesktop.DBus.Error.NoReply"

type Properties = dict[str, Any]
type Objects = dict[str, dict[str, Properties]]
"""By path and interface."""


class NoBusError(Exception):
    """There is no system bus here, or it does not let us in."""


class BusError(Exception):
    """A service, or the bus in its place, answered with an error; `name` is its name on the bus."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class SystemBus:
    """An open line to the system bus."""

    def __init__(self, bus: "MessageBus") -> None:
        self._bus = bus

    async def has(self, service: str) -> bool:
        """Whether a service is there."""
        (answer,) = await self.call(DBUS, "/org/freedesktop/DBus", DBUS, "NameHasOwner", "s", service)
        return bool(answer)

    async def objects(self, service: str, path: str = "/") -> Objects:
        """Everything that a service shows."""
        (found,) = await self.call(service, path, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        return {
            path: {name: _plain(properties) for name, properties in interfaces.items()}
            for path, interfaces in found.items()
        }

    async def properties(self, service: str, path: str, interface: str, *, start: bool = False) -> Properties:
        """The properties of one object."""
        where = "org.freedesktop.DBus.Properties"
        (found,) = await self.call(service, path, where, "GetAll", "s", interface, start=start)
        return _plain(found)

    async def call(
        self,
        service: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: object,
        start: bool = False,
    ) -> list[Any]:
        """Ask something.

        Raises:
            BusError: the answer is an error, or there is none.
        """
        from dbus_fast import Message, MessageFlag, MessageType

        question = Message(
            destination=service,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NONE if start else MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await self._bus.call(question)
        except (TimeoutError, EOFError, OSError) as error:
            raise BusError(NO_ANSWER) from error
        if reply.message_type is not MessageType.METHOD_RETURN:
            raise BusError(reply.error_name or NO_ANSWER)
        return reply.body


def _plain(properties: dict[str, Any]) -> Properties:
    return {name: variant.value for name, variant in properties.items()}


@asynccontextmanager
async def system_bus() -> AsyncGenerator[SystemBus]:
    """Connect to the system bus for as long as the context lasts.

    Raises:
        NoBusError: that is not possible.
    """
    async with AsyncExitStack() as stack:
        try:
            bus = await stack.enter_async_context(open_bus())
        except Exception as error:  # dbus_fast raises anything; where it is missing, ImportError
            raise NoBusError(type(error).__name__) from error
        yield SystemBus(bus)
