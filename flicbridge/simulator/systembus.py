"""Linux only: a message bus in the place of the machine's, and services on it that show objects."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dbus_fast import Message, Variant

CONFIG: Final = """<busconfig><type>system</type><listen>unix:path={socket}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>{policy}
</policy></busconfig>"""

type Properties = Mapping[str, object]
type Objects = Mapping[str, Mapping[str, Properties]]
"""By path and interface."""


@asynccontextmanager
async def system_bus(folder: Path, policy: str = "") -> AsyncGenerator[str]:
    """Run a real dbus-daemon for as long as the context lasts.

    Args:
        folder: for its socket and its configuration.
        policy: further rules, in the daemon's XML.

    Yields:
        Its address, for `DBUS_SYSTEM_BUS_ADDRESS`.
    """
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(socket=folder / "bus", policy=policy), encoding="utf-8")
    command = ("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address")
    daemon = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        if daemon.stdout is None:
            raise RuntimeError("the daemon was started without a pipe")
        yield (await daemon.stdout.readline()).decode().strip()
    finally:
        if daemon.returncode is None:
            daemon.terminate()
        await daemon.wait()


@asynccontextmanager
async def service(
    address: str, name: str, objects: Objects, *, is_mute: bool = False
) -> AsyncGenerator[list[str]]:
    """A service that answers what is asked about its objects.

    Args:
        address: of the bus.
        name: of the service.
        objects: what it shows.
        is_mute: it answers nothing at all.

    Yields:
        The methods that it was asked for, as they come.
    """
    from dbus_fast import MessageType
    from dbus_fast.aio import MessageBus

    asked: list[str] = []

    def answer(message: "Message") -> "Message | bool | None":
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        asked.append(message.member or "")
        return True if is_mute else _answer(message, objects)

    bus = await MessageBus(bus_address=address).connect()
    try:
        bus.add_message_handler(answer)
        await bus.request_name(name)
        yield asked
    finally:
        bus.disconnect()


def _answer(message: "Message", objects: Objects) -> "Message | None":
    from dbus_fast import Message

    match message.member:
        case "GetManagedObjects":
            shown = {
                path: {interface: _variants(found) for interface, found in interfaces.items()}
                for path, interfaces in objects.items()
            }
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [shown])
        case "GetAll":
            found = objects.get(str(message.path), {}).get(message.body[0], {})
            return Message.new_method_return(message, "a{sv}", [_variants(found)])
        case "LoadUnit":
            return Message.new_method_return(message, "o", [next(iter(objects))])
    return None


def _variants(properties: Properties) -> "dict[str, Variant]":
    from dbus_fast import Variant

    return {name: Variant(_signature(value), value) for name, value in properties.items()}


def _signature(value: Any) -> str:
    """The type of a value on the bus. Source: D-Bus specification, "Type system"."""
    match value:
        case bool():
            return "b"
        case int():
            return "u" if value >= 0 else "i"
        case str():
            return "s"
        case (int(), bool()):
            return "(ub)"
        case _:
            return "as"
