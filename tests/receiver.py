"""A real server on the loopback interface that notices are sent to."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self


class Receiver:
    """Takes what apprise's ``json://`` sends, and answers with a status.

    Args:
        statuses: HTTP status of each answer in turn; the last goes on.
    """

    def __init__(self, *statuses: int) -> None:
        self.messages: list[dict[str, Any]] = []
        self.told = threading.Event()
        self._statuses = list(statuses or (200,))
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                code = outer._statuses[0] if len(outer._statuses) == 1 else outer._statuses.pop(0)
                self.send_response(code)
                self.end_headers()
                outer.told.set()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    @property
    def address(self) -> str:
        """What apprise sends to; `Hu5hHu5h` in it is the secret."""
        return f"json://user:Hu5hHu5h@127.0.0.1:{self._server.server_port}/hook/Hu5hHu5h"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Mute:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"json://user:Hu5hHu5h@127.0.0.1:{self._socket.getsockname()[1]}/"

    def __enter__(self) -> Self:
        return self  # the kernel accepts for a socket that listens

    def __exit__(self, *_: object) -> None:
        self._socket.close()
