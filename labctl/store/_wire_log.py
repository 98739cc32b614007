"""What was said on the wire when a run failed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from labctl.errors import StoreError
from labctl.link import Exchange


def write_wire_log(path: Path, exchanges: Iterable[tuple[str, Exchange]]) -> Path:
    """Write one JSON object a line: time [s since 1970-01-01 UTC], device, sent, received, error.

    What was sent and received is Latin-1 text, one character a byte, so that no byte is lost.

    Raises:
        StoreError: it cannot be written.
    """
    lines = [
        {
            "time": exchange.time,
            "device": device,
            "sent": exchange.sent.decode("latin1"),
            "received": exchange.received.decode("latin1"),
            "error": exchange.error,
        }
        for device, exchange in exchanges
    ]
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        temporary.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path
