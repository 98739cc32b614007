"""Variables of an OPC UA server."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

from devices.described import World, needed
from labctl.errors import LabError
from labctl.link import LibraryLink

T = TypeVar("T")
LOST = ("BadConnection", "BadSession", "BadSecureChannel", "BadCommunication", "BadServerHalted", "BadShutdown")
"""Beginnings of the status codes by which a connection is lost (OPC UA part 4, 7.38)."""
OPTIONS = ("user", "password_variable", "security")


@dataclass(frozen=True)
class NodeValue:
    """The value of a node, by its id: ``ns=2;s=Furnace.Temperature``."""

    node: str
    set_node: str = ""

    @override
    def __str__(self) -> str:
        return self.node

    def read(self, link: LibraryLink) -> Any:  # as the server has it
        """Return its value; raises `LinkError`."""
        return link.call(f"{self.node}?", lambda client: _told(lambda: client.get_node(self.node).read_value()))

    def write(self, link: LibraryLink, value: Any) -> None:
        """Write its value in the type that the node has; raises `LinkError`, TypeError where it is read-only."""
        if not self.set_node:
            raise TypeError(f"{self.node} is read-only")
        link.call(f"{self.set_node} = {value!r}", lambda client: _told(lambda: self._put(client, value)))

    def _put(self, client: Any, value: Any) -> None:
        from asyncua import ua

        node = client.get_node(self.set_node)
        kind = node.read_data_type_as_variant_type()
        if kind is ua.VariantType.Boolean:
            value = bool(value)
        node.write_value(ua.DataValue(ua.Variant(value, kind)))  # no time stamp: many servers refuse a client's


def _told(do: Callable[[], T]) -> T:
    """Return what comes of a call to asyncua; its errors in the words of `LibraryLink`."""
    from asyncua.sync import ThreadLoopNotRunning
    from asyncua.ua.uaerrors import UaError

    try:
        return do()
    except (CancelledError, ThreadLoopNotRunning) as error:
        raise ConnectionError(str(error) or "closed") from error
    except UaError as error:
        name = type(error).__name__
        if name.startswith("BadTimeout"):
            raise TimeoutError(str(error)) from error
        raise (ConnectionError if name.startswith(LOST) else ValueError)(f"{name}: {error}") from error


def _connect(address: str, options: Mapping[str, Any], library: Any, timeout_s: float) -> Any:
    try:
        from asyncua.sync import Client, ThreadLoop
    except ImportError as error:
        raise needed("opcua", error) from error

    if unknown := set(options) - set(OPTIONS):
        raise LabError(f"{address}: no options {sorted(unknown)}; there are {', '.join(OPTIONS)}")
    loop = ThreadLoop(3 * timeout_s)
    loop.daemon = True  # a device that was never closed must not keep the process alive
    loop.start()
    client = Client(address, timeout_s, tloop=loop)
    try:
        if "user" in options:
            client.set_user(str(options["user"]))
            client.set_password(os.environ.get(str(options.get("password_variable", "")), ""))
        if "security" in options:
            _told(lambda: client.set_security_string(str(options["security"])))
        _told(client.connect)
    except (OSError, ValueError):
        loop.stop()
        raise
    return client


def _disconnect(client: Any) -> None:
    try:
        _told(client.disconnect)
    except ValueError:
        pass  # the server does not know the session any more
    finally:
        client.tloop.stop()


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_right = parts.scheme == "opc.tcp" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(f"{address!r} is no address such as 'opc.tcp://10.0.0.5:4840/plc'")


WORLD = World(
    extra="opcua",
    address=_check_address,
    point=lambda at, set_at, dtype: NodeValue(at, set_at),
    connect=_connect,
    disconnect=_disconnect,
)
"""Options: ``user``, with the environment variable that holds the password as ``password_variable``; ``security`` as
asyncua takes it: ``Basic256Sha256,SignAndEncrypt,certificate.der,key.pem``."""
