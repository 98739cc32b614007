"""The one door to apprise, which knows mail, Slack, Teams, LINE and a hundred others.

Nothing that apprise says is passed on as it is: it may hold parts of the address.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from labctl.errors import LabError
from labctl.notices._notice import Notice

if TYPE_CHECKING:
    from apprise import NotifyBase, NotifyType


class Undelivered(LabError):  # noqa: N818  (reads as what became of it)
    """A message did not arrive; the text says why and holds no address."""


def is_understood(url: str) -> bool:
    """Return whether apprise can do anything with an address; nothing is sent."""
    return _service(url) is not None


def deliver(url: str, title: str, body: str, notice: Notice) -> None:
    """Send one message; returns when the service has taken it, at the latest after apprise's time-out.

    Args:
        url: address, as apprise takes it.
        title: of the message.
        body: of the message, plain text.
        notice: the most severe of what it tells.

    Raises:
        Undelivered: the service cannot be reached or refuses.
    """
    try:
        service = _service(url)
        if service is None:
            raise Undelivered("apprise does not understand the address")
        from apprise import NotifyFormat

        with _heard() as said:
            taken = service.notify(body=body, title=title, notify_type=_look(notice), body_format=NotifyFormat.TEXT)
    except Undelivered:
        raise
    except Exception as error:  # noqa: BLE001  a plug-in may raise anything, and its text may hold the address
        raise Undelivered(f"apprise raised {type(error).__name__}") from None
    if not taken:
        raise Undelivered(_reason(" ".join(said)))


def _look(notice: Notice) -> NotifyType:
    """Return the colour that a message has where a service has colours."""
    from apprise import NotifyType

    if (notice.kind, notice.severity) == ("finished", "info"):
        return NotifyType.SUCCESS
    looks = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "critical": NotifyType.FAILURE}
    return looks[notice.severity]


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect the warnings that apprise logs on this thread."""
    said, here = list[str](), threading.get_ident()

    class Ear(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                said.append(record.getMessage())

    ear = Ear(logging.WARNING)
    logging.getLogger("apprise").addHandler(ear)
    try:
        yield said
    finally:
        logging.getLogger("apprise").removeHandler(ear)


def _service(url: str) -> NotifyBase | None:
    """Return apprise's plug-in for an address, None when there is none.

    It is called itself, and not through `Apprise.notify`, whose pool of threads would keep a process that wants to end
    waiting for a server that hangs.
    """
    from apprise import Apprise, AppriseAsset

    logger = logging.getLogger("apprise")
    logger.propagate = False  # it writes addresses into its messages
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    service = Apprise(asset=AppriseAsset(app_id="labctl", async_mode=False, storage_mode="memory"))
    return service[0] if service.add(url) and len(service) == 1 else None


def _reason(said: str) -> str:
    """Return why it was refused, in words of our own."""
    code = re.search(r"error=(\d{3})\b", said)
    if code is not None:
        return f"the service refused it (HTTP {code[1]})"
    if re.search(r"connection|socket|timed? ?out|unreachable", said, re.IGNORECASE):
        return "the service cannot be reached, or does not answer"
    return "the service refused it"
